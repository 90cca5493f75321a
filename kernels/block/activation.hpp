// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/expert_quads.hpp"
#include "kernels/block/math.hpp"

namespace talus::kernels::block {

/// v / (1 + exp(-slope v))
[[nodiscard]] TALUS_DEVICE inline float swish(float v, float slope) {
  return v / (1.0F + exp(0.0F - slope * v));
}

// The functions round as those of kernels/lanes/activation.cpp: the same bits.

struct Silu {
  [[nodiscard]] TALUS_DEVICE float operator()(float gate, float up) const {
    return swish(gate, 1.0F) * up;
  }
};

struct GeluTanh {
  [[nodiscard]] TALUS_DEVICE float operator()(float gate, float up) const {
    // 0.5 g (1 + tanh(u)) = g / (1 + exp(-2 u)), with u = sqrt(2 / pi) (g + 0.044715 g^3)
    float const slope = 1.5957691F + 1.5957691F * 0.044715F * gate * gate;  // 2 u / g
    return swish(gate, slope) * up;
  }
};

struct ClampedSilu {
  float limit = 0.0F;
  float alpha = 0.0F;

  [[nodiscard]] TALUS_DEVICE float operator()(float gate, float up) const {
    float const g = minimum(gate, limit);
    float const u = maximum(minimum(up, limit), -limit);
    return (u + 1.0F) * swish(g, alpha);
  }
};

struct Xielu {
  float alpha = 0.0F;
  float negative_alpha = 0.0F;
  float beta = 0.0F;
  float epsilon = 0.0F;

  [[nodiscard]] TALUS_DEVICE float operator()(float g, float) const {
    float const positive = maximum(g, 0.0F);
    float const negative = minimum(g, 0.0F);
    float const power = exp(minimum(negative, epsilon)) - 1.0F - negative;
    float const curve = g > 0.0F ? alpha * positive * positive : power * negative_alpha;
    return curve + beta * g;
  }
};

template <class Function>
struct Activate {
  static constexpr char const* name = "talus::kernels::activate";

  Function function;
  QuadMatrix<float const> gates;
  QuadMatrix<float const> ups;
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad const gate = load_quad(block, gates, t, j);
    Quad const up = load_quad(block, ups, t, j);
    Quad result;
    for (int k = 0; k < quad; ++k) {
      result[k] = function(gate[k], up[k]);
    }
    store_quad(block, y, t, j, result);
  }
};

/// Calls run(a function of a gate and an up).
template <class Run>
void with_activation(ActivationRule const& rule, Run const& run) {
  switch (rule.kind) {
    case ActivationKind::silu:
      return run(Silu{});
    case ActivationKind::gelu_tanh:
      return run(GeluTanh{});
    case ActivationKind::clamped_silu:
      return run(ClampedSilu{rule.limit, rule.alpha});
    case ActivationKind::xielu:
      return run(Xielu{rule.alpha, rule.negative_alpha, rule.beta, rule.epsilon});
  }
}

/// \param experts  whose rows they are, or nobody's
template <class Device>
void activate(Device& device,
              ActivationRule const& rule,
              ExpertRows const& experts,
              MatrixView<float const> x,
              MatrixView<float> y) {
  auto const gates = by_quads(columns_of(x, 0, y.cols));
  auto const ups = rule.is_gated() ? by_quads(columns_of(x, y.cols, y.cols)) : gates;
  with_activation(rule, [&]<class Function>(Function const& function) {
    for_each_quad(
        device, experts, y.rows, y.cols, Activate<Function>{function, gates, ups, by_quads(y)});
  });
}

template <class Device>
void activate(Device& device,
              ActivationRule const& rule,
              MatrixView<float const> x,
              MatrixView<float> y) {
  activate(device, rule, ExpertRows{}, x, y);
}

}  // namespace talus::kernels::block
