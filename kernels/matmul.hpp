// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/base/sum_tree.hpp"

namespace talus::kernels {

/// Linear map of each row: y[t, o] = sum_i x[t, i] * w[o, i], summed over i in order in float32.
///
/// \param x  [tokens, in]
/// \param w  [out, in]
/// \param y  [tokens, out]; must not overlap x
/// \throws ConfigError  if the shapes do not match
///
/// Accuracy: one backend gives the same bits for a row whatever the other rows, and for an output
/// whatever the other outputs.
void matmul(ExecContext const& exec,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y);

/// A rank's part of a sum over `in` that is cut over ranks (a row-parallel linear map).
struct LeafPartition {
  SumTree const* tree = nullptr;             ///< the whole, canonical sum
  LeafRange run;                             ///< the leaves that this rank owns
  std::span<std::int32_t const> boundaries;  ///< [leaves of run + 1] cuts of the local axis `in`
};

/// As matmul, but the sum over `in` has leaves: each is summed in order, and the leaves of each
/// node of `partition.tree->nodes_of(run)` are combined in tree order into one partial sum.
///
/// \param x         [tokens, in]
/// \param w         [out, in]
/// \param partials  one [tokens, out] for each node, in order; must not overlap
/// \pre   partition.boundaries begins with 0, ascends, and ends with `in`
///
/// With all leaves on one rank there is one node, and its partial sum is the result.
/// Where cuts are odd, avx512_bf16 and amx, which add the products of two bfloat16 at once, give
/// bits that depend on the run.
void matmul_leaves(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafPartition const& partition,
                   std::span<MatrixView<float> const> partials);

/// Linear maps of a mixture of experts: the rows of expert e go through experts[e].
///
/// \param x        [rows, in], ordered by expert
/// \param cut      of x; on a device, what is launched doesn't depend on the offsets
/// \param experts  [experts], all [out, in] of one dtype
/// \param y        [rows, out]; must not overlap x
void grouped_matmul(ExecContext const& exec,
                    MatrixView<float const> x,
                    RowsByExpert const& cut,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y);

/// One linear map a head: y[t, h * out + o] = sum_i x[t, h * in_stride + in_offset + i] * w[h][o,
/// i].
///
/// \param x      [tokens, >= heads * in_stride]
/// \param heads  [heads], all [out, in] of one dtype
/// \param y      [tokens, >= heads * out_stride]; head h's outputs begin at column h * out_stride
struct HeadStrides {
  std::int64_t in_stride = 0;
  std::int64_t in_offset = 0;
  std::int64_t out_stride = 0;
};

void matmul_heads(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y);

}  // namespace talus::kernels
