// SPDX-License-Identifier: Apache-2.0
#include "kernels/add_rms_norm.hpp"

#include "kernels/elementwise.hpp"
#include "kernels/rms_norm.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"
#include "tests/kernels/padded.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr float epsilon = 1e-5F;

/// A norm, then an addition, then another norm.
void run_parts(
    ExecContext const& exec, AddNorms const& norms, Padded y, Padded& x, Padded& normed) {
  if (!norms.before.empty()) {
    rms_norm(exec, std::as_const(y).view(), norms.before, norms.epsilon, y.view());
  }
  add(exec, std::as_const(y).view(), x.view(), norms.factor);
  if (!norms.after.empty()) {
    rms_norm(exec, std::as_const(x).view(), norms.after, norms.epsilon, normed.view());
  }
}

}  // namespace

TEST_CASE("add_rms_norm worked out by hand") {
  ExecContext const exec = any_backend();
  Matrix y{1, 2};
  y.at(0, 0) = 3.0F;
  y.at(0, 1) = 4.0F;  // mean square 12.5
  Matrix x{1, 2};
  x.at(0, 0) = 1.0F;
  x.at(0, 1) = -1.0F;
  Matrix normed{1, 2};
  std::vector<float> const before = {1.0F, 2.0F};
  std::vector<float> const after = {1.0F, 10.0F};

  add_rms_norm(exec, {before, after, 1e-12F, 0.5F}, y.view(), x.view(), normed.view());

  double const first = 1.0 + 0.5 * 3.0 / std::sqrt(12.5);
  double const second = -1.0 + 0.5 * 2.0 * 4.0 / std::sqrt(12.5);
  double const root = std::sqrt((first * first + second * second) / 2.0);
  CHECK(x.at(0, 0) == Catch::Approx(first));
  CHECK(x.at(0, 1) == Catch::Approx(second));
  CHECK(normed.at(0, 0) == Catch::Approx(first / root));
  CHECK(normed.at(0, 1) == Catch::Approx(10.0 * second / root));
  CHECK(x.at(0, 2) == Matrix::untouched);
  CHECK(normed.at(0, 2) == Matrix::untouched);
}

TEST_CASE("add_rms_norm has the bits of its parts") {
  ExecContext const exec = any_backend();
  // Around a lane's quad, a warp's rows, and what a block keeps in registers.
  std::int64_t const cols =
      GENERATE(1, 3, 4, 5, 127, 132, 1023, 1024, 1025, 1028, 8192, 8195, 9220);
  std::int64_t const padding = GENERATE(0, 3, 4);
  std::int64_t const rows = GENERATE(0, 1, 3);
  std::vector<float> const before = random_vector(cols, 1);
  std::vector<float> const after = random_vector(cols, 2);
  Padded const y = random_padded(rows, cols, padding, 3);
  Padded const start = random_padded(rows, cols, padding, 4);
  INFO(name_of(exec.backend) << ": " << rows << " x " << cols << " + " << padding);
  for (int which = 0; which < 4; ++which) {
    AddNorms const norms{(which & 1) != 0 ? before : std::span<float const>{},
                         (which & 2) != 0 ? after : std::span<float const>{},
                         epsilon,
                         which == 3 ? 0.22F : 1.0F};
    Padded x = start;
    Padded normed{rows, cols, padding};
    Padded wanted_x = start;
    Padded wanted = normed;
    Padded used = y;
    run_parts(exec, norms, y, wanted_x, wanted);
    add_rms_norm(exec, norms, used.view(), x.view(), normed.view());

    CHECK(x == wanted_x);
    CHECK(normed == wanted);
  }
}

TEST_CASE("add_rms_norm refuses other shapes, and a wrong epsilon") {
  ExecContext const exec = any_backend();
  Matrix y{2, 8};
  Matrix x{2, 8};
  Matrix normed{2, 8};
  Matrix narrow{2, 7};
  std::vector<float> const weight(8, 1.0F);
  std::vector<float> const few(7, 1.0F);
  AddNorms const norms{weight, weight, epsilon, 1.0F};

  CHECK_THROWS_WITH(add_rms_norm(exec, norms, narrow.view(), x.view(), normed.view()),
                    ContainsSubstring("columns of y = 7 (must be 8)"));
  CHECK_THROWS_AS(add_rms_norm(exec, norms, y.view(), x.view(), narrow.view()), ConfigError);
  CHECK_THROWS_AS(
      add_rms_norm(exec, {few, weight, epsilon, 1.0F}, y.view(), x.view(), normed.view()),
      ConfigError);
  CHECK_THROWS_AS(
      add_rms_norm(exec, {weight, few, epsilon, 1.0F}, y.view(), x.view(), normed.view()),
      ConfigError);
  CHECK_THROWS_AS(add_rms_norm(exec, {weight, {}, 0.0F, 1.0F}, y.view(), x.view(), normed.view()),
                  ConfigError);
  CHECK_NOTHROW(add_rms_norm(exec, {}, y.view(), x.view(), {}));
}
