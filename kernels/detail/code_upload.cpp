// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/code_upload.hpp"

#include <algorithm>
#include <vector>

#include "kernels/packing.hpp"
#include "kernels/transfer.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::detail {
namespace {

/// Bytes that are packed on the host at once, if a panel isn't more.
constexpr std::int64_t strip_bytes = std::int64_t{4} << 20;

/// Rows [first, first + count) of some.
QuantRows part_of(QuantRows rows, std::int64_t first, std::int64_t count) {
  std::int64_t const phase = rows.row_phase + first;
  std::int64_t const scales = phase / rows.format.block_outputs * rows.scale_stride;
  rows.codes += first * rows.code_stride;
  rows.scales += scales;
  rows.zeros = rows.zeros == nullptr ? nullptr : rows.zeros + scales;
  rows.row_phase = phase % rows.format.block_outputs;
  rows.rows = count;
  return rows;
}

}  // namespace

void upload_codes(ExecContext const& exec,
                  CodeStore const& store,
                  MatrixOrigin origin,
                  QuantRows const& rows) {
  CodeOperations const& codes = packing_operations_of(exec.backend).codes;
  std::int64_t const panel = codes.panel_outputs;
  std::int64_t const panel_bytes = codes.bytes(panel, store.in, store.storage);
  std::int64_t const at_once = std::max<std::int64_t>(1, strip_bytes / panel_bytes) * panel;
  std::int64_t const end = origin.row + rows.rows;
  for (std::int64_t first = origin.row / panel * panel; first < end; first += at_once) {
    std::int64_t const last = std::min(first + at_once, round_up(end, panel));
    std::int64_t const begin = std::max(first, origin.row);
    std::int64_t const count = std::min(last, end) - begin;
    bool const is_whole = count == last - first && rows.cols == store.in;
    std::vector<std::byte> strip(static_cast<std::size_t>((last - first) / panel * panel_bytes));
    std::byte* const to = store.data + first / panel * panel_bytes;
    if (!is_whole) {
      kernels::download(exec, to, std::span{strip});
    }
    codes.pack({strip.data(), store.in, store.storage},
               {begin - first, origin.col},
               part_of(rows, begin - origin.row, count));
    kernels::upload(exec, std::span<std::byte const>{strip}, to);
  }
}

}  // namespace talus::kernels::detail
