// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/lanes.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace talus::kernels::kokkos;  // NOLINT: tests only

namespace {

float exp_of(float x) {
  float values[num_lanes];
  store(values, exp(broadcast(x)));
  return values[num_lanes - 1];
}

}  // namespace

TEST_CASE("exp is within two units in the last place") {
  double worst = 0.0;
  for (float x = -87.3F; x < 88.7F; x += 0.0021F) {
    double const wanted = std::exp(static_cast<double>(x));
    double const unit = std::ldexp(1.0, std::ilogb(wanted) - 23);
    worst = std::max(worst, std::fabs(static_cast<double>(exp_of(x)) - wanted) / unit);
  }

  CHECK(worst < 2.0);
}

TEST_CASE("exp is exact where sums rely on it") {
  CHECK(exp_of(0.0F) == 1.0F);
  CHECK(exp_of(-0.0F) == 1.0F);
  CHECK(exp_of(-INFINITY) == 0.0F);
  CHECK(exp_of(-90.0F) == 0.0F);
  CHECK(exp_of(89.0F) == INFINITY);
  CHECK(std::isnan(exp_of(NAN)));
}

TEST_CASE("lanes are summed by halves, and partial loads fill up") {
  float values[num_lanes];
  for (int i = 0; i < num_lanes; ++i) {
    values[i] = static_cast<float>(i);
  }

  CHECK(sum_of(load(values)) == 120.0F);
  CHECK(sum_of(load_some(values, 3, 0.5F)) == 3.0F + 13.0F * 0.5F);
  CHECK(maximum_of(load(values)) == 15.0F);
}
