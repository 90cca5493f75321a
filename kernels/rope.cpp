// SPDX-License-Identifier: Apache-2.0
#include "kernels/rope.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

void check_layout(std::int64_t cols, RopeLayout const& layout) {
  if (layout.rotary_dim < 2 || layout.rotary_dim % 2 != 0) {
    throw ConfigError{
        concat("rope: rotary_dim = ", layout.rotary_dim, " (must be positive and even)")};
  }
  detail::check_at_least("rope", "num_heads", layout.num_heads, 1);
  detail::check_at_least("rope", "offset", layout.offset, 0);
  if (layout.num_heads > 1) {
    detail::check_at_least("rope", "head_stride", layout.head_stride, layout.rotary_dim);
  }
  detail::check_at_least(
      "rope",
      "columns of x",
      cols,
      (layout.num_heads - 1) * layout.head_stride + layout.offset + layout.rotary_dim);
}

}  // namespace

void rope(ExecContext const& exec,
          MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout) {
  check_layout(x.cols, layout);
  detail::check_positions("rope", positions, table, layout.rotary_dim, x.rows);
  operations_of(exec.backend).rope(exec, x, positions, table, layout);
}

}  // namespace talus::kernels
