// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/buffer.hpp"
#include "kernels/device_recording.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/mirror.hpp"
#include "kernels/sampling.hpp"
#include "kernels/transfer.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels;                    // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::int64_t rows = 3;
constexpr std::int64_t cols = 40;

/// y[t, :] += bias, of a context with a device.
class BiasedRows {
 public:
  BiasedRows() : y_{exec_, rows * cols} { clear(); }

  [[nodiscard]] ExecContext const& exec() const { return exec_; }

  [[nodiscard]] FencedDevice& device() { return device_; }

  void clear() { kernels::clear(exec_, y_.span()); }

  void add(std::span<float const> bias) { add_bias(exec_, bias, {y_.data(), rows, cols, cols}); }

  [[nodiscard]] std::vector<float> values() {
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    download<float>(exec_, y_.data(), values);
    return values;
  }

 private:
  FencedDevice device_{1 << 20};
  ExecContext exec_{.backend = Backend::cuda, .device = &device_};
  Buffer<float> y_;
};

std::vector<float> all_of(float value) {
  return std::vector<float>(static_cast<std::size_t>(rows * cols), value);
}

}  // namespace

TEST_CASE("what is recorded is done by replays alone, with what mirrors have then") {
  BiasedRows work;
  std::vector<float> constant(cols, 1.0F);
  std::vector<float> mirrored(cols, 10.0F);
  Mirror mirror;
  mirror.publish<float>(work.exec(), mirrored);

  RecordingScope scope{work.device()};
  work.add(constant);
  work.add(mirrored);
  auto const recording = scope.finish();
  CHECK(work.values() == all_of(0.0F));

  // The array without a mirror is kept as it was.
  constant.assign(cols, 1000.0F);
  recording->replay();
  CHECK(work.values() == all_of(11.0F));
  mirrored.assign(cols, 20.0F);
  mirror.publish<float>(work.exec(), mirrored);
  recording->replay();
  CHECK(work.values() == all_of(32.0F));
}

TEST_CASE("copies and cleared memory are recorded in their order") {
  BiasedRows work;
  Buffer<float> copy{work.exec(), rows * cols};
  std::vector<float> const bias(cols, 2.0F);
  RecordingScope scope{work.device()};
  work.add(bias);
  kernels::copy<float>(
      work.exec(), {copy.data(), static_cast<std::size_t>(cols)}, copy.data() + cols);
  work.clear();
  work.add(bias);
  auto const recording = scope.finish();

  recording->replay();
  recording->replay();
  CHECK(work.values() == all_of(2.0F));
}

TEST_CASE("a recording that isn't finished leaves the device as it was") {
  BiasedRows work;
  std::vector<float> const bias(cols, 3.0F);
  {
    RecordingScope const scope{work.device()};
    work.add(bias);
  }
  work.add(bias);
  CHECK(work.values() == all_of(3.0F));
}

TEST_CASE("what needs the host at once is refused while work is recorded") {
  BiasedRows work;
  std::vector<float> values(cols, 1.0F);
  Buffer<float> buffer{work.exec(), cols};
  RecordingScope const scope{work.device()};
  CHECK_THROWS_WITH((Buffer<float>{work.exec(), 1}), ContainsSubstring("allocate"));
  CHECK_THROWS_WITH(upload<float>(work.exec(), values, buffer.data()), ContainsSubstring("upload"));
  CHECK_THROWS_WITH(work.values(), ContainsSubstring("download"));
  CHECK_THROWS_WITH(work.device().synchronize(), ContainsSubstring("synchronize"));
  CHECK_THROWS_WITH(work.device().begin_recording(), ContainsSubstring("begin_recording"));
  // Operations that give the host their results, too.
  std::vector<std::int32_t> const counts{1};
  std::vector<std::int32_t> const tokens{2};
  std::vector<float> logits(1);
  CHECK_THROWS_WITH(logits_of(work.exec(), {buffer.data(), 1, cols, cols}, counts, tokens, logits),
                    ContainsSubstring("download while work is recorded"));
}

TEST_CASE("a device counts what is allocated and released") {
  BiasedRows work;
  std::int64_t const before = work.device().num_memory_changes();
  work.add(std::vector<float>(cols, 1.0F));
  CHECK(work.device().num_memory_changes() == before);
  { Buffer<float> const buffer{work.exec(), 10}; }
  CHECK(work.device().num_memory_changes() == before + 2);
}
