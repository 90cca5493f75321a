// SPDX-License-Identifier: Apache-2.0
#include "kernels/biased_activation.hpp"

#include "kernels/elementwise.hpp"
#include "kernels/moe.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"
#include "tests/kernels/padded.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

ActivationRule any_rule() {
  return GENERATE(
      ActivationRule{.kind = ActivationKind::silu},
      ActivationRule{.kind = ActivationKind::gelu_tanh},
      ActivationRule{.kind = ActivationKind::clamped_silu, .limit = 1.5F, .alpha = 1.702F},
      ActivationRule{.kind = ActivationKind::xielu,
                     .alpha = 0.8F,
                     .negative_alpha = 1.3F,
                     .beta = 0.5F,
                     .epsilon = -1e-6F});
}

}  // namespace

TEST_CASE("activate_biased has the bits of add_bias and activate") {
  ExecContext const exec = any_backend();
  ActivationRule const rule = any_rule();
  std::int64_t const width = GENERATE(1, 4, 6, 31, 1024, 1030);
  std::int64_t const padding = GENERATE(0, 3, 4);
  std::int64_t const rows = GENERATE(0, 1, 5);
  std::int64_t const cols = rule.is_gated() ? 2 * width : width;
  Padded const x = random_padded(rows, cols, padding, 1);
  std::vector<float> const bias =
      GENERATE(true, false) ? random_vector(cols, 2) : std::vector<float>{};
  Padded y{rows, width, padding};
  Padded wanted = y;

  Padded sums = x;
  if (!bias.empty()) {
    add_bias(exec, bias, sums.view());
  }
  activate(exec, rule, std::as_const(sums).view(), wanted.view());
  Padded used = x;
  activate_biased(exec, rule, bias, used.view(), y.view());

  CHECK(y == wanted);
}

TEST_CASE("activate_experts has the bits of add_expert_biases and activate") {
  ExecContext const exec = any_backend();
  ActivationRule const rule = any_rule();
  std::int64_t const width = GENERATE(1, 6, 32, 260);
  std::int64_t const cols = rule.is_gated() ? 2 * width : width;
  std::vector<std::int32_t> const offsets =
      GENERATE(std::vector<std::int32_t>{0, 7}, std::vector<std::int32_t>{0, 0, 3, 3, 7, 7});
  std::vector<std::vector<float>> biases;
  for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
    biases.push_back(random_vector(cols, static_cast<unsigned>(e)));
  }
  Padded const x = random_padded(7, cols, 4, 11);
  Padded y{7, width, 4};
  Padded wanted = y;

  Padded sums = x;
  add_expert_biases(exec, biases, offsets, sums.view());
  activate(exec, rule, std::as_const(sums).view(), wanted.view());
  Padded used = x;
  activate_experts(exec, rule, {biases, offsets}, used.view(), y.view());
  CHECK(y == wanted);

  Padded unbiased{7, width, 4};
  activate(exec, rule, x.view(), wanted.view());
  used = x;
  activate_experts(exec, rule, {{}, offsets}, used.view(), unbiased.view());
  CHECK(unbiased == wanted);
}

TEST_CASE("biased activations refuse other shapes") {
  ExecContext const exec = any_backend();
  Matrix x{2, 8};
  Matrix y{2, 4};
  Matrix wide{2, 8};
  std::vector<float> const few(7, 1.0F);
  std::vector<float> const bias(8, 1.0F);
  std::vector<std::vector<float>> const biases(2, bias);
  std::vector<std::vector<float>> const short_biases(2, few);
  std::vector<std::int32_t> const offsets{0, 1, 2};
  std::span<std::int32_t const> const all{offsets};

  CHECK_THROWS_AS(activate_biased(exec, {}, few, x.view(), y.view()), ConfigError);
  CHECK_THROWS_AS(activate_biased(exec, {}, bias, x.view(), wide.view()), ConfigError);
  CHECK_THROWS_AS(activate_experts(exec, {}, {biases, all.first(2)}, x.view(), y.view()),
                  ConfigError);
  CHECK_THROWS_AS(activate_experts(exec, {}, {short_biases, all}, x.view(), y.view()), ConfigError);
  CHECK_THROWS_AS(activate_experts(exec, {}, {biases, all}, x.view(), wide.view()), ConfigError);
}
