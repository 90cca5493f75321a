// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// The norms around an addition to a residual.
struct AddNorms {
  std::span<float const> before;  ///< [hidden], of what is added; empty: none
  std::span<float const> after;   ///< [hidden], of the sum; empty: none
  float epsilon = 0.0F;           ///< of both, in units of x^2; > 0 where there is a norm
  float factor = 1.0F;            ///< of what is added, behind its norm
};

/// x += factor * rms_norm(y, before); then normed = rms_norm(x, after). In one pass over the rows
/// where the backend has an operation for it, with the bits of rms_norm and add one after another.
///
/// \param y       [tokens, hidden]; what it holds afterwards is not specified
/// \param x       [tokens, hidden]; must not overlap y
/// \param normed  [tokens, hidden]; must not overlap the others; any view where `after` is empty
/// \throws ConfigError  if the shapes do not match, or a norm's epsilon is not positive
void add_rms_norm(ExecContext const& exec,
                  AddNorms const& norms,
                  MatrixView<float> y,
                  MatrixView<float> x,
                  MatrixView<float> normed);

}  // namespace talus::kernels
