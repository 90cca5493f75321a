// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/step_recordings.hpp"

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// A device whose work is a list of numbers.
class ListingDevice final : public kernels::Device {
 public:
  std::vector<int> done;
  bool has_room = true;

  void work(int number) { (is_recording_ ? recorded_ : done).push_back(number); }

  void change_memory() { count_memory_change(); }

  [[nodiscard]] bool is_recording() const { return is_recording_; }

  [[nodiscard]] bool can_record() const noexcept override { return true; }

  void begin_recording() override {
    if (!has_room) {
      throw OutOfMemory{"no room"};
    }
    is_recording_ = true;
  }

  [[nodiscard]] std::unique_ptr<kernels::DeviceRecording> end_recording() override {
    is_recording_ = false;
    return std::make_unique<List>(*this, std::exchange(recorded_, {}));
  }

  void cancel_recording() noexcept override {
    is_recording_ = false;
    recorded_.clear();
  }

  [[nodiscard]] void* allocate(std::int64_t /*bytes*/) override { return nullptr; }

  void release(void* /*memory*/) noexcept override {}

  void upload(void const* /*host*/, void* /*to*/, std::int64_t /*bytes*/) override {}

  void download(void const* /*from*/, void* /*host*/, std::int64_t /*bytes*/) override {}

  [[nodiscard]] std::unique_ptr<kernels::DeviceFetch> make_fetch(std::int64_t /*bytes*/) override {
    return nullptr;
  }

  void copy(void const* /*from*/, void* /*to*/, std::int64_t /*bytes*/) override {}

  void clear(void* /*memory*/, std::int64_t /*bytes*/) override {}

  void synchronize() override {}

  [[nodiscard]] std::int64_t free_bytes() const override { return 0; }

 private:
  class List final : public kernels::DeviceRecording {
   public:
    List(ListingDevice& device, std::vector<int> numbers)
        : device_{&device}, numbers_{std::move(numbers)} {}

    void replay() override {
      device_->done.insert(device_->done.end(), numbers_.begin(), numbers_.end());
    }

   private:
    ListingDevice* device_;
    std::vector<int> numbers_;
  };

  bool is_recording_ = false;
  std::vector<int> recorded_;
};

/// Recordings, and steps whose host part is counted.
struct Steps {
  explicit Steps(std::int64_t most = 8) : recordings{device, clock, most} {}

  void run(StepKind const& kind, int number) {
    int const before = host_parts;
    bool const was_replayed = recordings.run(kind, [&] {
      ++host_parts;
      clock.count(io::Traffic::gather, 100);
      clock.count(parallel::SumArrival{});
      device.work(number);
    });
    CHECK(was_replayed == (host_parts == before));
  }

  ListingDevice device;
  StepClock clock;
  StepRecordings recordings;
  int host_parts = 0;
};

}  // namespace

TEST_CASE("a step is done once each time, and by the device alone from the third time on") {
  Steps steps;
  for (int number = 0; number < 5; ++number) {
    steps.run({4, 8}, 1);
  }

  CHECK(steps.device.done == std::vector<int>(5, 1));
  CHECK(steps.host_parts == 3);  // the second step's twice: done, and recorded
  CHECK(steps.recordings.counters() == StepRecordings::Counters{.recorded = 1, .replayed = 3});
}

TEST_CASE("what steps count is the same whether they are replayed or not") {
  Steps steps;
  for (int number = 0; number < 5; ++number) {
    steps.run({4, 8}, 1);
  }

  CHECK(steps.clock.take_bytes()[static_cast<std::size_t>(io::Traffic::gather)] == 500);
  CHECK(steps.clock.take_arrivals().num_sums == 5);
}

TEST_CASE("steps of different kinds have recordings of their own") {
  Steps steps;
  for (int number = 0; number < 4; ++number) {
    steps.run({4, 8}, 1);
    steps.run({5, 8}, 2);
    steps.run({4, 16}, 3);
  }

  CHECK(steps.device.done == std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
  CHECK(steps.recordings.counters() == StepRecordings::Counters{.recorded = 3, .replayed = 6});
}

TEST_CASE("with the drawing of tokens a step is of another kind, and its replay of another phase") {
  Steps steps;
  for (int number = 0; number < 3; ++number) {
    steps.run({4, 8}, 1);
    steps.run({.num_sequences = 4, .max_blocks = 8, .takes_drawn = true}, 2);
  }
  StepClock::Seconds const before = steps.clock.take();
  for (int number = 0; number < 3; ++number) {
    steps.run({.num_sequences = 4, .max_blocks = 8, .takes_drawn = true, .draws = true}, 3);
  }
  StepClock::Seconds const after = steps.clock.take();

  CHECK(steps.device.done == std::vector<int>{1, 2, 1, 2, 1, 2, 3, 3, 3});
  auto const layers = static_cast<std::size_t>(io::Phase::recorded_layers);
  auto const step = static_cast<std::size_t>(io::Phase::recorded_step);
  CHECK(before[layers] > 0.0F);
  CHECK(before[step] == 0.0F);
  CHECK(after[layers] == 0.0F);
  CHECK(after[step] > 0.0F);
}

TEST_CASE("recordings are dropped when memory changed, and made anew") {
  Steps steps;
  for (int number = 0; number < 3; ++number) {
    steps.run({4, 8}, 1);
  }
  steps.device.change_memory();
  steps.run({4, 8}, 2);
  steps.run({4, 8}, 3);

  // The last one is replayed as it was recorded after the change.
  CHECK(steps.device.done == std::vector<int>{1, 1, 1, 2, 2});
  CHECK(steps.recordings.counters() ==
        StepRecordings::Counters{.recorded = 2, .replayed = 2, .dropped = 1});
}

TEST_CASE("of more kinds than there is room for, the one not used for longest is forgotten") {
  Steps steps{2};
  for (int number = 0; number < 3; ++number) {
    steps.run({1, 1}, 1);
    steps.run({2, 1}, 2);
  }
  steps.run({1, 1}, 1);
  steps.run({3, 1}, 3);  // in place of the second kind
  steps.device.done.clear();
  int const before = steps.host_parts;
  steps.run({1, 1}, 9);
  CHECK(steps.host_parts == before);
  CHECK(steps.device.done == std::vector<int>{1});
  steps.run({2, 1}, 2);
  CHECK(steps.host_parts == before + 1);
  CHECK(steps.recordings.counters().dropped == 1);
}

TEST_CASE("a device without room for a recording does steps as they are, until memory changes") {
  Steps steps;
  steps.device.has_room = false;
  for (int number = 0; number < 4; ++number) {
    steps.run({4, 8}, 1);
  }
  CHECK(steps.host_parts == 4);
  CHECK(steps.device.done == std::vector<int>(4, 1));
  steps.device.has_room = true;
  steps.device.change_memory();
  steps.run({4, 8}, 1);
  steps.run({4, 8}, 1);
  CHECK(steps.recordings.counters() == StepRecordings::Counters{.recorded = 1, .replayed = 1});
}

TEST_CASE("a device whose library can't record does steps as they are, and says why") {
  Steps steps;
  auto const failing = [&] {
    steps.device.work(1);
    if (steps.device.is_recording()) {
      throw ApiError{"capture: no", 900, SourceLocation::current()};
    }
  };
  for (int number = 0; number < 4; ++number) {
    CHECK_FALSE(steps.recordings.run({4, 8}, failing));
  }
  CHECK(steps.device.done == std::vector<int>(4, 1));
  CHECK_FALSE(steps.device.is_recording());
  CHECK(steps.recordings.counters() == StepRecordings::Counters{});
  CHECK(steps.recordings.problem().find("capture: no") != std::string::npos);
}

TEST_CASE("an error while a step is recorded leaves no recording") {
  Steps steps;
  steps.run({4, 8}, 1);
  auto const failing = [&] {
    steps.device.work(1);
    if (steps.device.is_recording()) {
      throw std::runtime_error{"no"};
    }
  };
  CHECK_THROWS_AS(static_cast<void>(steps.recordings.run({4, 8}, failing)), std::runtime_error);
  CHECK_FALSE(steps.device.is_recording());
  CHECK(steps.recordings.counters() == StepRecordings::Counters{});
}
