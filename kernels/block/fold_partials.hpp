// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/fold_partials.hpp"

namespace talus::kernels::block {

/// Sums on a stack that partial sums join as a binary counter carries.
struct FoldStack {
  static constexpr int max_depth = 10;  ///< bits of max_partials, and one

  Quad sums[std::size_t{max_depth}];
  int depth = 0;

  /// \param folds  sums on the stack that are added to `values`, the newest first
  TALUS_DEVICE void push(Quad values, int folds) {
    for (int fold = 0; fold < folds; ++fold) {
      Quad const older = sums[--depth];
      for (int k = 0; k < quad; ++k) {
        values[k] = older[k] + values[k];
      }
    }
    sums[depth++] = values;
  }
};

/// Partial sums that came from all ranks, folded by the tree that runtime/base/sum_tree.hpp
/// defines.
///
/// Grid: pieces of the sum. Block: a thread a quad. No shared memory.
struct FoldPartials {
  static constexpr char const* name = "talus::kernels::fold_partials";

  FoldOrder order;  ///< by value: a sum needs no upload
  QuadMatrix<float const> partials;
  QuadMatrix<float> sum;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const j =
        (block.block_index().x * block.num_threads() + block.thread_index()) * quad;
    if (j >= sum.view.cols) {
      return;
    }
    FoldStack stack;
    for (std::int32_t row = 0; row < order.num_partials; ++row) {
      stack.push(load_quad(block, partials, row, j), order.folds[row]);
    }
    store_quad(block, sum, 0, j, stack.sums[0]);
  }
};

template <class Device>
void fold_partials(Device& device,
                   FoldOrder const& order,
                   MatrixView<float const> partials,
                   std::span<float> sum) {
  if (sum.empty()) {
    return;
  }
  MatrixView<float> const row{sum.data(), 1, std::ssize(sum), std::ssize(sum)};
  std::int64_t const quads = num_quads(row.cols);
  int const threads = threads_for(quads);
  device.launch({{ceil_div(quads, threads)}, threads},
                FoldPartials{order, by_quads(partials), by_quads(row)});
}

}  // namespace talus::kernels::block
