// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// Copies `width` columns of each head:
/// y[t, h * out_stride + out_offset + i] = x[t, h * in_stride + in_offset + i], i < width.
struct HeadCopy {
  std::int64_t num_heads = 0;
  std::int64_t width = 0;
  std::int64_t in_stride = 0;
  std::int64_t in_offset = 0;
  std::int64_t out_stride = 0;
  std::int64_t out_offset = 0;
};

/// \param x  [tokens, >= num_heads * in_stride]
/// \param y  [tokens, >= num_heads * out_stride]; must not overlap x
/// \throws ConfigError  if the numbers of tokens differ
void copy_heads(ExecContext const& exec,
                HeadCopy const& copy,
                MatrixView<float const> x,
                MatrixView<float> y);

}  // namespace talus::kernels
