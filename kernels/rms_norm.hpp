// SPDX-License-Identifier: Apache-2.0
#pragma once

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

}  // namespace talus::kernels
