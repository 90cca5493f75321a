// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy_heads.hpp"

#include <algorithm>

#include "kernels/operations.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

void copy_heads(ExecContext const& exec,
                HeadCopy const& copy,
                MatrixView<float const> x,
                MatrixView<float> y) {
  if (x.rows != y.rows) {
    throw ConfigError{concat("copy_heads: x has ", x.rows, " rows, y has ", y.rows)};
  }
  if (auto const own = operations_of(exec.backend).copy_heads; own != nullptr) {
    return own(exec, copy, x, y);
  }
  // A few hundred bytes a token: the same plain loop for all backends on the host.
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t h = 0; h < copy.num_heads; ++h) {
      float const* const from = x.data + t * x.row_stride + h * copy.in_stride + copy.in_offset;
      std::copy_n(
          from, copy.width, y.data + t * y.row_stride + h * copy.out_stride + copy.out_offset);
    }
  }
}

}  // namespace talus::kernels
