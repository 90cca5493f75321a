// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {
namespace {

float gelu_tanh(float g) {
  constexpr float factor =
      std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;  // sqrt(2 / pi)
  return 0.5F * g * (1.0F + std::tanh(factor * (g + 0.044715F * g * g * g)));
}

float xielu(ActivationRule const& rule, float g) {
  if (g > 0.0F) {
    return rule.alpha * g * g + rule.beta * g;
  }
  return (std::expm1(std::min(g, rule.epsilon)) - g) * rule.negative_alpha + rule.beta * g;
}

float clamped_silu(ActivationRule const& rule, float gate, float up) {
  float const g = std::min(gate, rule.limit);
  float const u = std::clamp(up, -rule.limit, rule.limit);
  return (u + 1.0F) * (g / (1.0F + std::exp(-rule.alpha * g)));
}

/// `up` is not used where nothing is gated.
float activated(ActivationRule const& rule, float gate, float up) {
  switch (rule.kind) {
    case ActivationKind::silu:
      return gate / (1.0F + std::exp(-gate)) * up;
    case ActivationKind::gelu_tanh:
      return gelu_tanh(gate) * up;
    case ActivationKind::clamped_silu:
      return clamped_silu(rule, gate, up);
    case ActivationKind::xielu:
      return xielu(rule, gate);
  }
  return 0.0F;
}

}  // namespace

void activate(ExecContext const&,
              ActivationRule const& rule,
              MatrixView<float const> x,
              MatrixView<float> y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    float const* const gate = x.data + t * x.row_stride;
    float const* const up = rule.is_gated() ? gate + y.cols : gate;
    for (std::int64_t j = 0; j < y.cols; ++j) {
      y.data[t * y.row_stride + j] = activated(rule, gate[j], up[j]);
    }
  }
}

}  // namespace talus::kernels::reference
