// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul.hpp"

#include <algorithm>
#include <vector>

#include "kernels/detail/checks.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/operations.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_equal;

void check_partition(LeafPartition const& partition, std::int64_t in) {
  if (partition.tree == nullptr || partition.run.first < 0 ||
      partition.run.first >= partition.run.last ||
      partition.run.last > partition.tree->num_leaves()) {
    throw ConfigError{concat("matmul_leaves: leaves [",
                             partition.run.first,
                             ", ",
                             partition.run.last,
                             ") (must be a run of the tree's)")};
  }
  detail::check_at_most(
      "matmul_leaves", "leaves of a rank", partition.run.last - partition.run.first, max_leaves);
  auto const& cuts = partition.boundaries;
  check_equal("matmul_leaves",
              "number of boundaries",
              std::ssize(cuts),
              partition.run.last - partition.run.first + 1);
  check_equal("matmul_leaves", "first boundary", cuts.front(), 0);
  check_equal("matmul_leaves", "last boundary", cuts.back(), in);
  if (!std::is_sorted(cuts.begin(), cuts.end())) {
    throw ConfigError{"matmul_leaves: boundaries descend (they must ascend)"};
  }
}

/// A quantised sum is cut where activations are, in chunks.
void check_chunks(LeafPartition const& partition) {
  for (std::int32_t const cut : partition.boundaries.first(partition.boundaries.size() - 1)) {
    if (cut % quant_chunk != 0 && cut != partition.boundaries.back()) {
      throw ConfigError{concat("matmul_leaves: boundary ",
                               cut,
                               " (those of quantised weights are multiples of ",
                               quant_chunk,
                               ')')};
    }
  }
}

void check_experts(std::string_view operation, std::span<PackedWeights const> weights) {
  for (PackedWeights const& w : weights) {
    check_equal(operation, "outputs of an expert or head", w.out(), weights.front().out());
    check_equal(operation, "inputs of an expert or head", w.in(), weights.front().in());
    if (w.dtype() != weights.front().dtype()) {
      throw ConfigError{concat(operation,
                               ": weights of ",
                               name_of(w.dtype()),
                               " and ",
                               name_of(weights.front().dtype()),
                               " (must be of one type)")};
    }
    if (w.codes() != weights.front().codes()) {
      throw ConfigError{
          concat(operation, ": weights quantised differently (must be of one format)")};
    }
    if (w.codes() && w.codes()->may_be_rows) {
      throw ConfigError{concat(operation, ": weights for matmul alone")};
    }
  }
}

void check_offsets(std::span<std::int32_t const> offsets, std::int64_t rows) {
  check_equal("grouped_matmul", "first offset", offsets.front(), 0);
  check_equal("grouped_matmul", "last offset", offsets.back(), rows);
  if (!std::is_sorted(offsets.begin(), offsets.end())) {
    throw ConfigError{"grouped_matmul: offsets descend (they must ascend)"};
  }
}

}  // namespace

void matmul(ExecContext const& exec,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y) {
  check_equal("matmul", "columns of x", x.cols, w.in());
  check_equal("matmul", "columns of y", y.cols, w.out());
  check_equal("matmul", "rows of y", y.rows, x.rows);
  Operations const& operations = operations_of(exec.backend);
  (w.codes() ? operations.codes.matmul : operations.matmul)(exec, x, w, y);
}

void matmul_leaves(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafPartition const& partition,
                   std::span<MatrixView<float> const> partials) {
  check_equal("matmul_leaves", "columns of x", x.cols, w.in());
  check_partition(partition, w.in());
  std::vector<LeafRange> const nodes = partition.tree->nodes_of(partition.run);
  check_equal("matmul_leaves", "number of partial sums", std::ssize(partials), std::ssize(nodes));
  for (MatrixView<float> const& partial : partials) {
    check_equal("matmul_leaves", "columns of a partial sum", partial.cols, w.out());
    check_equal("matmul_leaves", "rows of a partial sum", partial.rows, x.rows);
  }
  Operations const& operations = operations_of(exec.backend);
  if (w.codes()) {
    check_chunks(partition);
    return operations.codes.matmul_leaves(exec, x, w, {partition, nodes}, partials);
  }
  operations.matmul_leaves(exec, x, w, {partition, nodes}, partials);
}

void grouped_matmul(ExecContext const& exec,
                    MatrixView<float const> x,
                    RowsByExpert const& cut,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y) {
  check_equal(
      "grouped_matmul", "number of offsets", std::ssize(cut.offsets), std::ssize(experts) + 1);
  if (shares_memory(exec)) {
    check_offsets(cut.offsets, x.rows);
  }
  check_equal("grouped_matmul", "rows of y", y.rows, x.rows);
  if (experts.empty()) {
    return;
  }
  check_experts("grouped_matmul", experts);
  check_equal("grouped_matmul", "columns of x", x.cols, experts.front().in());
  check_equal("grouped_matmul", "columns of y", y.cols, experts.front().out());
  Operations const& operations = operations_of(exec.backend);
  auto* const multiply =
      experts.front().codes() ? operations.codes.grouped_matmul : operations.grouped_matmul;
  multiply(exec, x, cut, experts, y);
}

void matmul_heads(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y) {
  check_equal("matmul_heads", "rows of y", y.rows, x.rows);
  if (heads.empty()) {
    return;
  }
  check_experts("matmul_heads", heads);
  PackedWeights const& w = heads.front();
  check_at_least("matmul_heads", "in_offset", strides.in_offset, 0);
  check_at_least("matmul_heads", "in_stride", strides.in_stride, strides.in_offset + w.in());
  check_at_least("matmul_heads", "out_stride", strides.out_stride, w.out());
  check_at_least("matmul_heads", "columns of x", x.cols, std::ssize(heads) * strides.in_stride);
  check_at_least("matmul_heads", "columns of y", y.cols, std::ssize(heads) * strides.out_stride);
  Operations const& operations = operations_of(exec.backend);
  auto* const multiply = w.codes() ? operations.codes.matmul_heads : operations.matmul_heads;
  multiply(exec, x, heads, strides, y);
}

}  // namespace talus::kernels
