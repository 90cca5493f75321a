// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/feed_forward_layer.hpp"

#include "kernels/elementwise.hpp"
#include "kernels/matmul.hpp"

namespace talus::runtime {

FeedForwardScratch::FeedForwardScratch(kernels::ExecContext const& exec,
                                       std::int64_t max_tokens,
                                       std::int64_t max_columns)
    : gate_up{exec, max_tokens, 2 * max_columns}, activated{exec, max_tokens, max_columns} {}

FeedForwardLayer::FeedForwardLayer(LayerContext const& context,
                                   std::int64_t intermediate,
                                   FeedForwardWeights const& weights,
                                   RowParallel& projection,
                                   FeedForwardScratch& scratch)
    : context_{context},
      cut_{feed_forward_cut(intermediate, context.place)},
      weights_{&weights},
      projection_{&projection},
      scratch_{&scratch} {}

void FeedForwardLayer::run(MatrixView<float const> x, MatrixView<float> out) {
  auto const timed = context_.clock->scope(io::Phase::feed_forward);
  std::int64_t const columns = cut_.columns.size();
  MatrixView<float> const gate_up = scratch_->gate_up.rows(x.rows, 2 * columns);
  MatrixView<float> const activated = scratch_->activated.rows(x.rows, columns);
  kernels::matmul(context_.exec, x, weights_->gate_up, gate_up);
  kernels::silu_mul(context_.exec, as_const(gate_up), activated);
  projection_->apply(cut_, as_const(activated), weights_->down, out, *context_.clock);
}

}  // namespace talus::runtime
