// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// Root-mean-square layer normalisation of each row, or of each head of each row.
///
///     y[t, j] = weight[j] * x[t, j] / sqrt(mean_k(x[t, k]^2) + epsilon)
///
/// Where a row is a whole multiple of weight's size, each piece of that size is normalised by
/// itself with the same weight (the query and key norms of a head).
///
/// \param x        [tokens, hidden]
/// \param weight   [hidden], or [head_dim] where head_dim divides hidden
/// \param epsilon  in units of x^2, > 0
/// \param y        [tokens, hidden]; may be the same memory as x, must not overlap it otherwise
/// \throws ConfigError  if the shapes do not match or epsilon <= 0
///
/// Reference: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.
void rms_norm(ExecContext const& exec,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y);

/// What a norm over a row that is cut over ranks needs to know of the whole row.
struct RowNorm {
  std::int64_t size = 0;  ///< elements of the whole row
  float epsilon = 0.0F;   ///< in units of x^2, > 0
};

/// The sum of the squares of each head: sums[t, h] = sum_j x[t, h * head_dim + j]^2.
///
/// \param x     [tokens, heads * head_dim]
/// \param sums  [tokens, heads]
void square_sums(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::int64_t head_dim,
                 MatrixView<float> sums);

/// The second half of a norm over a row of which this rank has some heads:
///
///     x[t, j] = weight[j] * x[t, j] / sqrt(sum_h sums[t, h] / norm.size + norm.epsilon)
///
/// The sum goes over the heads in order, so that it is the same on every rank.
///
/// \param sums    [tokens, heads of the whole row]
/// \param weight  [columns of x]
/// \param x       [tokens, columns], in place
void scale_by_sums(ExecContext const& exec,
                   MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x);

}  // namespace talus::kernels
