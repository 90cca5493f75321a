// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/staging_plan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "tests/support/catch.hpp"

using talus::kernels::cuda::StagingPlan;

namespace {

/// Staging memory as a device has it, and what lies there that operations under way were told of.
class Staging {
 public:
  explicit Staging(std::int64_t bytes) : plan_{bytes}, memory_(static_cast<std::size_t>(bytes)) {}

  /// \return whether the array had to be copied
  bool stage(std::vector<std::byte> const& array) {
    StagingPlan::Place const place = plan_.place(array, memory_.data());
    if (!place.is_there) {
      std::memcpy(memory_.data() + place.offset, array.data(), array.size());
      ++num_copies_;
    }
    last_ = place;
    return !place.is_there;
  }

  [[nodiscard]] bool holds(std::vector<std::byte> const& array) const {
    return std::equal(array.begin(), array.end(), memory_.begin() + last_.offset);
  }

  [[nodiscard]] StagingPlan::Place const& last() const { return last_; }

  [[nodiscard]] int num_copies() const { return num_copies_; }

 private:
  StagingPlan plan_;
  std::vector<std::byte> memory_;
  StagingPlan::Place last_;
  int num_copies_ = 0;
};

std::vector<std::byte> array_of(int value, std::size_t size) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

}  // namespace

TEST_CASE("an array that is there already isn't copied again") {
  Staging staging{4096};

  CHECK(staging.stage(array_of(1, 100)));
  CHECK(staging.stage(array_of(2, 100)));
  CHECK_FALSE(staging.stage(array_of(1, 100)));
  CHECK(staging.last().offset == 0);
  CHECK(staging.stage(array_of(1, 99)));  // shorter: another one
  CHECK(staging.last().offset % 256 == 0);
  CHECK(staging.holds(array_of(1, 99)));
}

TEST_CASE("a half is entered when the other one is full, and what was in it is forgotten") {
  Staging staging{4 * 256};

  CHECK(staging.stage(array_of(1, 256)));
  CHECK(staging.stage(array_of(2, 200)));
  CHECK_FALSE(staging.last().entered.has_value());
  CHECK(staging.stage(array_of(3, 300)));
  CHECK(staging.last().entered == 1);
  CHECK(staging.last().offset == 512);
  // In the half that was left: it may be overwritten while this operation needs it.
  CHECK(staging.stage(array_of(1, 256)));
  CHECK(staging.last().entered == 0);
  CHECK(staging.last().offset == 0);
}

TEST_CASE("room that is only taken is not looked in") {
  StagingPlan plan{4096};
  std::array<std::byte, 4096> memory{};

  static_cast<void>(plan.take(512));
  StagingPlan::Place const place = plan.place(array_of(0, 512), memory.data());
  CHECK_FALSE(place.is_there);
  CHECK(place.offset == 512);
}

TEST_CASE("whatever is staged, its place holds it, and what repeats is seldom copied") {
  Staging staging{64 * 256};
  std::mt19937 random{7};
  constexpr int num_stages = 5000;
  for (int i = 0; i < num_stages; ++i) {
    auto const array = array_of(static_cast<int>(random() % 5), 1 + random() % 3);
    staging.stage(array);
    REQUIRE(staging.holds(array));
    if (i % 100 == 99) {
      // Something new, as each step has it.
      staging.stage(array_of(100 + i / 100, 2048));
    }
  }
  CHECK(staging.num_copies() < num_stages / 10);
}
