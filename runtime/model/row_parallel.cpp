// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/row_parallel.hpp"

#include "kernels/matmul.hpp"

namespace talus::runtime {

RowParallel::RowParallel(kernels::ExecContext const& exec,
                         GroupTraffic& tp,
                         LeafCut const& cut,
                         std::int64_t max_elements)
    : exec_{exec}, num_ranks_{tp.size()} {
  if (num_ranks_ > 1) {
    sum_ = tp.make_sum(cut.tree, static_cast<std::size_t>(max_elements));
    views_.resize(sum_->num_partials());
  }
}

void RowParallel::apply(LeafCut const& cut,
                        MatrixView<float const> x,
                        kernels::PackedWeights const& w,
                        MatrixView<float> y,
                        StepClock& clock) {
  if (num_ranks_ == 1) {
    kernels::matmul_leaves(exec_, x, w, cut.partition(), {&y, 1});
    return;
  }
  for (std::size_t i = 0; i < views_.size(); ++i) {
    views_[i] = {sum_->partial(i).data(), y.rows, y.cols, y.cols};
  }
  if (!views_.empty()) {
    kernels::matmul_leaves(exec_, x, w, cut.partition(), views_);
  }
  auto const timed = clock.scope(io::Phase::tensor_parallel_sum);
  auto const elements = static_cast<std::size_t>(y.rows * y.cols);
  clock.count(sum_->sum({y.data, elements}));
  clock.count(io::Traffic::tensor_parallel_sum, bytes_sent(elements));
}

std::int64_t RowParallel::bytes_sent(std::size_t elements) const noexcept {
  auto const partials = static_cast<std::int64_t>(elements * views_.size() * sizeof(float));
  if (sum_->folds_everywhere(elements)) {
    return partials * (num_ranks_ - 1);
  }
  auto const slice = static_cast<std::int64_t>(elements * sizeof(float)) / num_ranks_;
  return (partials / num_ranks_ + slice) * (num_ranks_ - 1);
}

}  // namespace talus::runtime
