// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy_heads.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

namespace talus::kernels {

// A few hundred bytes a token: the same plain loop for both backends on the host.
void copy_heads(ExecContext const& /*exec*/,
                HeadCopy const& copy,
                MatrixView<float const> x,
                MatrixView<float> y) {
  if (x.rows != y.rows) {
    throw ConfigError{concat("copy_heads: x has ", x.rows, " rows, y has ", y.rows)};
  }
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t h = 0; h < copy.num_heads; ++h) {
      float const* const from = x.data + t * x.row_stride + h * copy.in_stride + copy.in_offset;
      std::copy_n(
          from, copy.width, y.data + t * y.row_stride + h * copy.out_stride + copy.out_offset);
    }
  }
}

}  // namespace talus::kernels
