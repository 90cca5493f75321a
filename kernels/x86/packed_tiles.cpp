// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "kernels/detail/elements.hpp"
#include "kernels/x86/tile_functions.hpp"
#include "kernels/x86/tile_layout.hpp"

namespace talus::kernels::TALUS_TARGET {

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  if (dtype != DType::bf16) {
    return TALUS_BASE_TARGET::operations().weight_bytes(out, in, dtype);
  }
  std::int64_t const panels = (out + tile_outputs - 1) / tile_outputs;
  // The last tile of the last panel may read beyond its inputs.
  std::int64_t const beyond = tile_inputs * tile_outputs;
  return (panels * panel_elements(in) + beyond) * size_of(dtype);
}

void pack_rows(WeightStore const& store, MatrixOrigin origin, RawRows const& rows) {
  if (store.dtype != DType::bf16) {
    return TALUS_BASE_TARGET::operations().pack_rows(store, origin, rows);
  }
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    std::int64_t const output = origin.row + r;
    std::int64_t const panel = output / tile_outputs * panel_elements(store.in);
    std::int64_t const lane = output % tile_outputs * 2;
    for (std::int64_t c = 0; c < rows.cols; ++c) {
      std::int64_t const input = origin.col + c;
      std::int64_t const to = panel + input / 2 * 2 * tile_outputs + lane + input % 2;
      std::int64_t const from = r * rows.row_stride + c;
      if (rows.dtype == DType::bf16) {
        std::memcpy(store.data + to * 2, rows.data + from * 2, 2);
      } else {
        detail::store_element(
            store.data, DType::bf16, to, detail::load_element(rows.data, rows.dtype, from));
      }
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
