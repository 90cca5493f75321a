// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/feed_forward_layer.hpp"

#include <cmath>

#include "kernels/biased_activation.hpp"
#include "kernels/biased_matmul.hpp"
#include "kernels/elementwise.hpp"

namespace talus::runtime {
namespace {

float softplus(float x) {
  return x > 20.0F ? x : std::log1p(std::exp(x));
}

/// The activation with the parameters that came with the weights.
kernels::ActivationRule rule_of(FeedForwardSpec const& spec, FeedForwardWeights const& weights) {
  kernels::ActivationRule rule = spec.activation;
  if (rule.kind == kernels::ActivationKind::xielu) {
    rule.beta = weights.xielu[2];
    rule.alpha = softplus(weights.xielu[0]);
    rule.negative_alpha = rule.beta + softplus(weights.xielu[1]);
    rule.epsilon = weights.xielu[3];
  }
  return rule;
}

}  // namespace

FeedForwardScratch::FeedForwardScratch(kernels::ExecContext const& exec,
                                       std::int64_t max_tokens,
                                       std::int64_t max_columns)
    : gate_up{exec, max_tokens, 2 * max_columns}, activated{exec, max_tokens, max_columns} {}

FeedForwardLayer::FeedForwardLayer(LayerContext const& context,
                                   FeedForwardSpec const& spec,
                                   FeedForwardWeights const& weights,
                                   RowParallel& projection,
                                   FeedForwardScratch& scratch)
    : context_{context},
      cut_{feed_forward_cut(spec.intermediate, context.place)},
      activation_{rule_of(spec, weights)},
      weights_{&weights},
      projection_{&projection},
      scratch_{&scratch} {}

void FeedForwardLayer::run(MatrixView<float const> x, MatrixView<float> out) {
  auto const timed = context_.clock->scope(io::Phase::feed_forward);
  std::int64_t const columns = cut_.columns.size();
  MatrixView<float> const gate_up =
      scratch_->gate_up.rows(x.rows, activation_.is_gated() ? 2 * columns : columns);
  MatrixView<float> const activated = scratch_->activated.rows(x.rows, columns);
  std::span<float const> const bias = kernels::matmul_before_bias(
      context_.exec, x, weights_->gate_up, weights_->gate_up_bias, gate_up);
  kernels::activate_biased(context_.exec, activation_, bias, gate_up, activated);
  projection_->apply(cut_, as_const(activated), weights_->down, out, *context_.clock);
  if (!weights_->down_bias.empty()) {
    kernels::add_bias(context_.exec, weights_->down_bias, out);
  }
}

}  // namespace talus::runtime
