// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/detail/elements.hpp"
#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {
namespace {

/// sum_i x[i] * w[o, i] over i in [first, last), in order.
float dot(
    float const* x, PackedWeights const& w, std::int64_t o, std::int64_t first, std::int64_t last) {
  float sum = 0.0F;
  for (std::int64_t i = first; i < last; ++i) {
    sum += x[i] * detail::load_element(w.data(), w.dtype(), o * w.in() + i);
  }
  return sum;
}

/// The leaves of `node`, each summed in order, combined in tree order.
float node_sum(float const* x,
               PackedWeights const& w,
               std::int64_t o,
               LeafPartition const& partition,
               LeafRange node) {
  std::vector<float> stack;
  for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
    auto const local = static_cast<std::size_t>(leaf - partition.run.first);
    stack.push_back(dot(x, w, o, partition.boundaries[local], partition.boundaries[local + 1]));
    std::int32_t folds = partition.tree->folds_after({leaf, leaf + 1}, node.first);
    for (; folds > 0; --folds) {
      float const newer = stack.back();
      stack.pop_back();
      stack.back() += newer;
    }
  }
  return stack.back();
}

}  // namespace

void matmul(ExecContext const&,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y) {
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t o = 0; o < w.out(); ++o) {
      y.data[t * y.row_stride + o] = dot(x.data + t * x.row_stride, w, o, 0, w.in());
    }
  }
}

void matmul_leaves(ExecContext const&,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials) {
  for (std::size_t n = 0; n < partials.size(); ++n) {
    MatrixView<float> const& y = partials[n];
    for (std::int64_t t = 0; t < x.rows; ++t) {
      for (std::int64_t o = 0; o < w.out(); ++o) {
        y.data[t * y.row_stride + o] =
            node_sum(x.data + t * x.row_stride, w, o, sums.partition, sums.nodes[n]);
      }
    }
  }
}

void grouped_matmul(ExecContext const& exec,
                    MatrixView<float const> x,
                    RowsByExpert const& cut,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y) {
  for (std::size_t e = 0; e < experts.size(); ++e) {
    std::int64_t const first = cut.offsets[e];
    std::int64_t const rows = cut.offsets[e + 1] - first;
    reference::matmul(exec,
                      {x.data + first * x.row_stride, rows, x.cols, x.row_stride},
                      experts[e],
                      {y.data + first * y.row_stride, rows, y.cols, y.row_stride});
  }
}

void matmul_heads(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y) {
  for (std::size_t h = 0; h < heads.size(); ++h) {
    auto const head = static_cast<std::int64_t>(h);
    PackedWeights const& w = heads[h];
    reference::matmul(
        exec,
        {x.data + head * strides.in_stride + strides.in_offset, x.rows, w.in(), x.row_stride},
        w,
        {y.data + head * strides.out_stride, y.rows, w.out(), y.row_stride});
  }
}

}  // namespace talus::kernels::reference
