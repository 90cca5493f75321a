// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/block/code_layout.hpp"
#include "kernels/block/float_codes.hpp"
#include "kernels/detail/stored_scale.hpp"
#include "kernels/operations.hpp"

/// \file
/// Packs codes as code_layout.hpp says: on the host, in memory of the host.

namespace talus::kernels::block {

/// Bytes of a quantised matrix [out, in].
[[nodiscard]] inline std::int64_t bytes_of_codes(std::int64_t out,
                                                 std::int64_t in,
                                                 QuantStorage const& storage) {
  return ceil_div(out, CodeLayout::panel_outputs) * CodeLayout{storage, in}.panel_bytes();
}

/// A part of packed weights.
struct ByteRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Where all that outputs [first, last) need is written: theirs alone if both are multiples of 32,
/// or `last` is the end.
[[nodiscard]] inline ByteRange bytes_of_outputs(std::int64_t first,
                                                std::int64_t last,
                                                CodeLayout const& layout) {
  return {first / CodeLayout::panel_outputs * layout.panel_bytes(),
          ceil_div(last, CodeLayout::panel_outputs) * layout.panel_bytes()};
}

/// The place of an input's code in a chunk.
struct CodePlace {
  std::int64_t byte = 0;
  int shift = 0;  ///< bits, of codes of four bits
};

/// \param i     input of the chunk
/// \param lane  output of the panel
[[nodiscard]] constexpr CodePlace place_of_code(QuantKind kind, std::int64_t i, std::int64_t lane) {
  if (kind == QuantKind::fp8_e4m3) {
    return {byte_of_float_code(i, lane)};
  }
  if (has_byte_codes(kind)) {
    std::int64_t const half = i / CodeLayout::piece * CodeLayout::panel_outputs;
    return {(half + lane) * CodeLayout::piece + i % CodeLayout::piece};
  }
  return {lane * CodeLayout::piece + i / 8 * 4 + i % 4, i / 4 % 2 == 1 ? 4 : 0};
}

/// Packs the codes of a row's columns [first, last), all of one chunk, whose first input is
/// `input` of the chunk.
inline void pack_chunk(QuantKind kind,
                       std::uint8_t const* from,
                       std::int64_t count,
                       std::int64_t input,
                       std::int64_t lane,
                       std::byte* chunk) {
  for (std::int64_t i = 0; i < count; ++i) {
    CodePlace const place = place_of_code(kind, input + i, lane);
    std::byte const mask = has_byte_codes(kind) ? std::byte{0xFF} : std::byte{0x0F} << place.shift;
    std::byte& to = chunk[place.byte];
    to = (to & ~mask) | (std::byte{from[i]} << place.shift & mask);
  }
}

/// The scale of one output's group, of e2m1 halved, as its codes count double; and its zero point.
inline void pack_header(QuantStorage const& storage,
                        QuantRows const& rows,
                        std::int64_t scale_at,
                        std::int64_t lane,
                        std::byte* header) {
  float const scale = rows.scales[scale_at];
  bool const is_doubled = storage.format.kind == QuantKind::mxfp4;
  detail::store_scale(storage.scales, is_doubled ? scale * 0.5F : scale, header, lane);
  if (storage.format.zero_points) {
    header[size_of(storage.scales) * CodeLayout::panel_outputs + lane] =
        std::byte{rows.zeros[scale_at]};
  }
}

/// Writes what `rows` has, and nothing else: what is never set stays what it was, zero where the
/// memory was cleared. Inputs beyond the matrix count nothing, whatever their codes.
///
/// Safe from several threads for outputs that share no panel.
inline void pack_codes(CodeStore const& store, MatrixOrigin origin, QuantRows const& rows) {
  CodeLayout const layout{store.storage, store.in};
  for (std::int64_t o = 0; o < rows.rows; ++o) {
    std::int64_t const output = origin.row + o;
    std::int64_t const lane = output % CodeLayout::panel_outputs;
    std::byte* const panel = store.data + output / CodeLayout::panel_outputs * layout.panel_bytes();
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < rows.cols; i = last) {
      std::int64_t const input = origin.col + i;
      auto const chunk = static_cast<std::int32_t>(input / quant_chunk);
      last = std::min(rows.cols, (chunk + 1) * quant_chunk - origin.col);
      pack_header(store.storage,
                  rows,
                  rows.scale_index(o, i),
                  lane,
                  panel + layout.header_at(layout.group_of(chunk)));
      pack_chunk(store.storage.format.kind,
                 rows.codes + o * rows.code_stride + i,
                 last - i,
                 input % quant_chunk,
                 lane,
                 panel + layout.codes_at(chunk));
    }
  }
}

}  // namespace talus::kernels::block
