// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// One of several linear maps of the same rows.
struct JointProduct {
  PackedWeights const* w = nullptr;  ///< [out, in]
  MatrixView<float> y;               ///< [tokens, out]; must not overlap anything else
};

/// matmul(exec, x, *w, y) of each product: with the same bits at once where the backend has an
/// operation for it and all weights are stored alike, so that x is read, and quantised where
/// weights are codes, once for all of them.
///
/// \param x  [tokens, in]
/// \throws ConfigError  if the shapes do not match
void joint_matmul(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<JointProduct const> products);

}  // namespace talus::kernels
