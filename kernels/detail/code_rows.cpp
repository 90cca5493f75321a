// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/code_rows.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/transfer.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::detail {
namespace {

/// Bytes of codes that go to a device at once, if a row isn't more.
constexpr std::int64_t strip_bytes = std::int64_t{4} << 20;

void check_phases(MatrixOrigin origin, QuantRows const& rows) {
  std::int64_t const outputs = rows.format.block_outputs;
  std::int64_t const inputs = std::max<std::int64_t>(rows.format.group, 1);
  if ((origin.row - rows.row_phase) % outputs != 0 || (origin.col - rows.col_phase) % inputs != 0) {
    throw ConfigError{concat("quantised weights: a block of scales begins before ",
                             origin.row,
                             ", ",
                             origin.col,
                             " (must be at multiples of ",
                             outputs,
                             ", ",
                             inputs,
                             " where a library multiplies)")};
  }
}

void put_codes(ExecContext const& exec,
               CodeRows const& layout,
               std::byte* data,
               MatrixOrigin origin,
               QuantRows const& rows) {
  std::int64_t const at_once = std::max<std::int64_t>(1, strip_bytes / layout.in);
  bool const is_whole = rows.cols == layout.in;
  for (std::int64_t first = 0; first < rows.rows; first += at_once) {
    std::int64_t const count = std::min(at_once, rows.rows - first);
    std::vector<std::byte> strip(static_cast<std::size_t>(count * layout.in));
    std::byte* const to = data + (origin.row + first) * layout.in;
    if (!is_whole) {
      kernels::download(exec, to, std::span{strip});
    }
    for (std::int64_t o = 0; o < count; ++o) {
      std::memcpy(strip.data() + o * layout.in + origin.col,
                  rows.codes + (first + o) * rows.code_stride,
                  static_cast<std::size_t>(rows.cols));
    }
    kernels::upload(exec, std::span<std::byte const>{strip}, to);
  }
}

/// Rows of scales that have those of outputs [origin.row, origin.row + rows.rows).
void put_scales(ExecContext const& exec,
                CodeRows const& layout,
                std::byte* data,
                MatrixOrigin origin,
                QuantRows const& rows) {
  std::int64_t const first = layout.scale_of(origin.row, 0);
  std::int64_t const last = layout.scale_of(origin.row + rows.rows - 1, 0) + layout.scale_stride();
  std::vector<float> scales(static_cast<std::size_t>(last - first));
  float* const to = reinterpret_cast<float*>(data + layout.scales_at()) + first;
  if (layout.has_blocks) {  // else all of them are set
    kernels::download(exec, to, std::span{scales});
  }
  std::int64_t const step = layout.has_blocks ? quant_chunk : rows.cols;
  for (std::int64_t o = 0; o < rows.rows; ++o) {
    for (std::int64_t i = 0; i < rows.cols; i += step) {
      std::int64_t const at = layout.scale_of(origin.row + o, origin.col + i) - first;
      scales[static_cast<std::size_t>(at)] = rows.scales[rows.scale_index(o, i)];
    }
  }
  kernels::upload(exec, std::span<float const>{scales}, to);
}

}  // namespace

void put_code_rows(ExecContext const& exec,
                   CodeRows const& layout,
                   std::byte* data,
                   MatrixOrigin origin,
                   QuantRows const& rows) {
  check_phases(origin, rows);
  put_codes(exec, layout, data, origin, rows);
  put_scales(exec, layout, data, origin, rows);
}

}  // namespace talus::kernels::detail
