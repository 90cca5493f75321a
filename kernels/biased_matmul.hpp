// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// matmul; then y[t, o] += bias[o]. At once, where a device has a library that does.
///
/// \param x     [tokens, in]
/// \param w     [out, in]
/// \param bias  [out]; empty: none
/// \param y     [tokens, out]; must not overlap x
/// \throws ConfigError  if the shapes do not match
void biased_matmul(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   std::span<float const> bias,
                   MatrixView<float> y);

/// The same, but the bias is left to what comes next where no library adds it: an operation that
/// adds it on its way.
///
/// \returns  what is still to be added: the bias, or none
[[nodiscard]] std::span<float const> matmul_before_bias(ExecContext const& exec,
                                                        MatrixView<float const> x,
                                                        PackedWeights const& w,
                                                        std::span<float const> bias,
                                                        MatrixView<float> y);

}  // namespace talus::kernels
