// SPDX-License-Identifier: Apache-2.0
#include "kernels/rope.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

struct Table {
  std::vector<float> cosines;
  std::vector<float> sines;

  Table(std::int64_t positions, std::int64_t pairs) {
    for (std::int64_t p = 0; p < positions; ++p) {
      for (std::int64_t i = 0; i < pairs; ++i) {
        float const angle = static_cast<float>(p) / std::pow(50.0F, static_cast<float>(i) / 8.0F);
        cosines.push_back(std::cos(angle));
        sines.push_back(std::sin(angle));
      }
    }
  }

  operator RopeTable() const { return {cosines, sines}; }  // NOLINT: short tests
};

}  // namespace

TEST_CASE("rope turns pairs of halves, and of neighbours, as worked out by hand") {
  ExecContext const exec = any_backend();
  bool const halves = GENERATE(true, false);
  std::vector<float> const cosines = {1.0F, 1.0F, 0.0F, 0.6F};
  std::vector<float> const sines = {0.0F, 0.0F, 1.0F, 0.8F};
  std::vector<std::int32_t> const positions = {1};
  Matrix x{1, 5};
  for (std::int64_t j = 0; j < 5; ++j) {
    x.at(0, j) = static_cast<float>(j);
  }
  RopeLayout layout{1, 0, 1, 4, halves ? RopePairs::halves : RopePairs::neighbours};

  rope(exec, x.view(), positions, {cosines, sines}, layout);

  CHECK(x.at(0, 0) == 0.0F);  // before the offset
  CHECK(x.at(0, 1) == Catch::Approx(halves ? -3.0 : -2.0));
  CHECK(x.at(0, 2) == Catch::Approx(halves ? 2.0 * 0.6 - 4.0 * 0.8 : 1.0));
  CHECK(x.at(0, 3) == Catch::Approx(halves ? 1.0 : 3.0 * 0.6 - 4.0 * 0.8));
  CHECK(x.at(0, 4) == Catch::Approx(halves ? 4.0 * 0.6 + 2.0 * 0.8 : 4.0 * 0.6 + 3.0 * 0.8));
}

TEST_CASE("rope gives the reference's bits, for one row and for many") {
  ExecContext const fast = fast_backend();
  RopePairs const pairs = GENERATE(RopePairs::halves, RopePairs::neighbours);
  Table const table{300, 11};
  RopeLayout const layout{5, 30, 4, 22, pairs};
  Matrix x = random_matrix(300, 150, 1);
  Matrix wanted = x;
  std::vector<std::int32_t> positions;
  for (std::int32_t t = 0; t < 300; ++t) {
    positions.push_back(299 - t);
  }

  rope(fast, x.view(), positions, table, layout);
  for (std::int64_t t = 0; t < 300; ++t) {
    std::int32_t const& position = positions[static_cast<std::size_t>(t)];
    rope(on_reference, wanted.part(t, 1), {&position, 1}, table, layout);
  }

  CHECK(x == wanted);
}

TEST_CASE("rope refuses positions beyond the table and heads beyond the row") {
  ExecContext const exec = any_backend();
  Table const table{4, 8};
  Matrix x{1, 16};
  std::vector<std::int32_t> const outside = {4};
  std::vector<std::int32_t> const inside = {3};

  CHECK_THROWS_AS(rope(exec, x.view(), outside, table, {1, 0, 0, 16}), ConfigError);
  CHECK_THROWS_AS(rope(exec, x.view(), inside, table, {2, 16, 0, 16}), ConfigError);
  CHECK_THROWS_AS(rope(exec, x.view(), inside, table, {1, 0, 0, 15}), ConfigError);
}
