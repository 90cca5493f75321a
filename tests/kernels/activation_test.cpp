// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::vector<ActivationRule> rules() {
  return {{.kind = ActivationKind::silu},
          {.kind = ActivationKind::gelu_tanh},
          {.kind = ActivationKind::clamped_silu, .limit = 1.5F, .alpha = 1.702F},
          {.kind = ActivationKind::xielu,
           .alpha = 0.8F,
           .negative_alpha = 1.3F,
           .beta = 0.5F,
           .epsilon = -1e-6F}};
}

/// The activation of one gate and its up.
float one(ExecContext const& exec, ActivationRule const& rule, float gate, float up) {
  Matrix x{1, rule.is_gated() ? 2 : 1};
  x.at(0, x.cols - 1) = up;
  x.at(0, 0) = gate;
  Matrix y{1, 1};
  activate(exec, rule, std::as_const(x).view(), y.view());
  CHECK(y.at(0, 1) == Matrix::untouched);
  return y.at(0, 0);
}

}  // namespace

TEST_CASE("activations worked out by hand") {
  ExecContext const exec = any_backend();
  auto const all = rules();

  CHECK(one(exec, all[0], 0.0F, 3.0F) == 0.0F);
  CHECK(one(exec, all[0], std::log(3.0F), 3.0F) == Catch::Approx(std::log(3.0) * 0.75 * 3.0));
  double const inner = std::sqrt(2.0 / 3.14159265358979) * (0.7 + 0.044715 * 0.7 * 0.7 * 0.7);
  CHECK(one(exec, all[1], 0.7F, 2.0F) == Catch::Approx(0.7 * (1.0 + std::tanh(inner))));
  // The gate is held below 1.5, the up at 1.5 on either side; the up counts one more.
  double const gate = 1.5 / (1.0 + std::exp(-1.702 * 1.5));
  CHECK(one(exec, all[2], 9.0F, 0.5F) == Catch::Approx(1.5 * gate));
  CHECK(one(exec, all[2], 9.0F, 4.0F) == Catch::Approx(2.5 * gate));
  CHECK(one(exec, all[2], 9.0F, -4.0F) == Catch::Approx(-0.5 * gate));
  CHECK(one(exec, all[3], 2.0F, 2.0F) == Catch::Approx(0.8 * 4.0 + 0.5 * 2.0));
  CHECK(one(exec, all[3], -2.0F, -2.0F) ==
        Catch::Approx((std::expm1(-2.0) + 2.0) * 1.3 - 0.5 * 2.0));
}

TEST_CASE("activations agree with the reference, also for huge gates") {
  ExecContext const fast = fast_backend();
  ActivationRule const rule = rules()[GENERATE(0U, 1U, 2U, 3U)];
  std::int64_t const width = GENERATE(1, 15, 16, 17, 100, 2000);
  Matrix x = random_matrix(GENERATE(0, 1, 30), rule.is_gated() ? 2 * width : width, 1);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    x.at(t, 0) = t % 2 == 0 ? 60.0F : -60.0F;
  }
  Matrix y{x.rows, width};
  Matrix wanted = y;

  activate(fast, rule, std::as_const(x).view(), y.view());
  activate(on_reference, rule, std::as_const(x).view(), wanted.view());

  CHECK(difference(y, wanted) < 1e-6F);
}

TEST_CASE("an element has the same bits in a full vector and in a tail") {
  ExecContext const fast = fast_backend();
  for (ActivationRule const& rule : rules()) {
    Matrix const x = random_matrix(1, rule.is_gated() ? 2 * 37 : 37, 2);
    Matrix y{1, 37};
    activate(fast, rule, x.view(), y.view());

    for (std::int64_t j = 0; j < 37; ++j) {
      CHECK(one(fast, rule, x.at(0, j), x.at(0, rule.is_gated() ? 37 + j : j)) == y.at(0, j));
    }
  }
}

TEST_CASE("shapes that do not fit an activation are refused") {
  ExecContext const exec = any_backend();
  Matrix const x{2, 4};
  Matrix y{2, 4};
  CHECK_THROWS_AS(activate(exec, rules()[0], x.view(), y.view()), ConfigError);
  CHECK_NOTHROW(activate(exec, rules()[3], x.view(), y.view()));
}
