// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// v / (1 + exp(-slope v))
Lanes swish(Lanes const& v, Lanes const& slope) {
  return v / (broadcast(1.0F) + exp(broadcast(0.0F) - slope * v));
}

struct Silu {
  Lanes operator()(Lanes const& gate, Lanes const& up) const {
    return swish(gate, broadcast(1.0F)) * up;
  }
};

struct GeluTanh {
  Lanes operator()(Lanes const& gate, Lanes const& up) const {
    // 0.5 g (1 + tanh(u)) = g / (1 + exp(-2 u)), with u = sqrt(2 / pi) (g + 0.044715 g^3)
    Lanes const slope =
        broadcast(1.5957691F) + broadcast(1.5957691F * 0.044715F) * gate * gate;  // 2 u / g
    return swish(gate, slope) * up;
  }
};

struct ClampedSilu {
  explicit ClampedSilu(ActivationRule const& rule)
      : limit{broadcast(rule.limit)},
        negative_limit{broadcast(-rule.limit)},
        alpha{broadcast(rule.alpha)} {}

  Lanes operator()(Lanes const& gate, Lanes const& up) const {
    Lanes const g = minimum(gate, limit);
    Lanes const u = maximum(minimum(up, limit), negative_limit);
    return (u + broadcast(1.0F)) * swish(g, alpha);
  }

  Lanes limit;
  Lanes negative_limit;
  Lanes alpha;
};

struct Xielu {
  explicit Xielu(ActivationRule const& rule)
      : alpha{broadcast(rule.alpha)},
        negative_alpha{broadcast(rule.negative_alpha)},
        beta{broadcast(rule.beta)},
        epsilon{broadcast(rule.epsilon)} {}

  Lanes operator()(Lanes const& g, Lanes const&) const {
    Lanes const zero = broadcast(0.0F);
    Lanes const positive = maximum(g, zero);
    Lanes const negative = minimum(g, zero);
    // Of the two terms one is zero: x^2 for the negative, exp - 1 - x for the positive.
    Lanes const power = exp(minimum(negative, epsilon)) - broadcast(1.0F) - negative;
    Lanes const curve = select_positive(g, alpha * positive * positive, power * negative_alpha);
    return curve + beta * g;
  }

  Lanes alpha;
  Lanes negative_alpha;
  Lanes beta;
  Lanes epsilon;
};

/// y = function(x, the ups that lie `up_offset` behind x), sixteen elements at a time.
template <class Function>
void apply(ExecContext const& exec,
           Function const& function,
           MatrixView<float const> x,
           std::int64_t up_offset,
           MatrixView<float> y) {
  for_each(exec, "talus::kernels::activate", y.rows, y.rows * y.cols, [&](std::int64_t t) {
    float const* const gates = x.data + t * x.row_stride;
    float* const to = y.data + t * y.row_stride;
    for (std::int64_t j = 0; j < y.cols; j += num_lanes) {
      std::int64_t const count = y.cols - j;
      Lanes const gate = load_some(gates + j, count);
      Lanes const up = load_some(gates + up_offset + j, count);
      store_some(to + j, function(gate, up), count);
    }
  });
}

}  // namespace

void activate(ExecContext const& exec,
              ActivationRule const& rule,
              MatrixView<float const> x,
              MatrixView<float> y) {
  std::int64_t const up_offset = rule.is_gated() ? y.cols : 0;
  switch (rule.kind) {
    case ActivationKind::silu:
      return apply(exec, Silu{}, x, up_offset, y);
    case ActivationKind::gelu_tanh:
      return apply(exec, GeluTanh{}, x, up_offset, y);
    case ActivationKind::clamped_silu:
      return apply(exec, ClampedSilu{rule}, x, up_offset, y);
    case ActivationKind::xielu:
      return apply(exec, Xielu{rule}, x, up_offset, y);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
