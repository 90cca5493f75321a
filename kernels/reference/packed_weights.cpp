// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/elements.hpp"
#include "kernels/reference/functions.hpp"

// The reference implementations: written to be checked by eye, not to be fast. Every other backend
// is tested against them.

namespace talus::kernels::reference {

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  return out * in * size_of(dtype);
}

void pack_rows(ExecContext const&,
               WeightStore const& store,
               MatrixOrigin origin,
               RawRows const& rows) {
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    for (std::int64_t j = 0; j < rows.cols; ++j) {
      float const value = detail::load_element(rows.data, rows.dtype, i * rows.row_stride + j);
      std::int64_t const index = (origin.row + i) * store.in + origin.col + j;
      detail::store_element(store.data, store.dtype, index, value);
    }
  }
}

}  // namespace talus::kernels::reference
