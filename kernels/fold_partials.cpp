// SPDX-License-Identifier: Apache-2.0
#include "kernels/fold_partials.hpp"

#include <vector>

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

FoldOrder fold_order(SumTree const& tree, std::span<LeafRange const> nodes) {
  if (nodes.size() > std::size_t{max_partials}) {
    throw ConfigError{concat(
        "fold_partials: ", nodes.size(), " partial sums (at most ", max_partials, " in a sum)")};
  }
  FoldOrder order{.num_partials = static_cast<std::int32_t>(nodes.size())};
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    order.folds[node] = static_cast<std::uint8_t>(tree.folds_after(nodes[node], 0));
  }
  return order;
}

void fold_partials(ExecContext const& exec,
                   FoldOrder const& order,
                   MatrixView<float const> partials,
                   std::span<float> sum) {
  detail::check_equal("fold_partials", "rows of partials", partials.rows, order.num_partials);
  detail::check_equal("fold_partials", "columns of partials", partials.cols, std::ssize(sum));
  if (auto const own = operations_of(exec.backend).fold_partials; own != nullptr) {
    return own(exec, order, partials, sum);
  }
  std::vector<float> stack;
  for (std::int64_t i = 0; i < partials.cols; ++i) {
    stack.clear();
    for (std::int64_t row = 0; row < partials.rows; ++row) {
      float value = partials.data[row * partials.row_stride + i];
      for (int fold = 0; fold < order.folds[row]; ++fold) {
        value = stack.back() + value;
        stack.pop_back();
      }
      stack.push_back(value);
    }
    sum[static_cast<std::size_t>(i)] = stack.back();
  }
}

}  // namespace talus::kernels
