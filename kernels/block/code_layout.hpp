// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/block/block.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// Where the codes of quantised weights lie in a GPU's memory.
///
/// A panel of 32 outputs, one for each lane of a warp, is one stream: the chunks of 32 inputs in
/// order, before the first chunk of each group a header, the group's 32 scales and, where there are
/// zero points, 32 bytes of them, as codes are stored. In a chunk, a lane reads 16 bytes at once,
/// its neighbours' beside them. Of integers of a byte, that are its output's first 16 inputs;
/// behind all outputs' follow the last 16. Of codes of four bits it is the whole chunk: byte 4 k +
/// m has input 8 k + m in its lower bits and input 8 k + 4 + m in the upper ones, so that each
/// 32-bit word gives four inputs by a mask, and the four after them by a shift. Codes of fp8 lie as
/// tensor cores take them (float_codes.hpp): lane l's 16 bytes are of the first 16 outputs, of
/// outputs l / 4 and l / 4 + 8, inputs 8 (l % 4) to + 7 of both; behind all lanes' follow those of
/// the last 16 outputs.
///
/// What is packed lies in one contiguous range of memory for outputs [32 a, 32 b): a loader may
/// pack a strip of outputs in memory of the host and send it to the device in one piece.

namespace talus::kernels::block {

/// Whether codes are of eight bits, not four.
[[nodiscard]] constexpr bool has_byte_codes(QuantKind kind) noexcept {
  return kind == QuantKind::int8 || kind == QuantKind::fp8_e4m3;
}

/// The places of groups and chunks in a panel.
struct CodeLayout {
  static constexpr int panel_outputs = warp_size;
  static constexpr int piece = 16;  ///< bytes that a lane reads at once
  /// Chunks of a group where a row has one scale.
  static constexpr std::int32_t whole_row = std::numeric_limits<std::int32_t>::max() / 2;

  std::int32_t chunks = 0;
  std::int32_t phase = 0;  ///< of the first chunk in its group
  std::int32_t group_chunks = 0;
  std::int32_t scale_bytes = 0;   ///< of a header's scales
  std::int32_t header_bytes = 0;  ///< with its zero points
  std::int32_t chunk_bytes = 0;

  CodeLayout() = default;

  constexpr CodeLayout(QuantStorage const& storage, std::int64_t in)
      : chunks{static_cast<std::int32_t>(ceil_div(in, quant_chunk))},
        phase{static_cast<std::int32_t>(storage.col_phase / quant_chunk)},
        group_chunks{storage.format.group == 0
                         ? whole_row
                         : static_cast<std::int32_t>(storage.format.group / quant_chunk)},
        scale_bytes{static_cast<std::int32_t>(size_of(storage.scales)) * panel_outputs},
        header_bytes{scale_bytes + (storage.format.zero_points ? panel_outputs : 0)},
        chunk_bytes{static_cast<std::int32_t>(quant_chunk) * panel_outputs /
                    (has_byte_codes(storage.format.kind) ? 1 : 2)} {}

  [[nodiscard]] constexpr std::int32_t group_of(std::int32_t chunk) const {
    return (chunk + phase) / group_chunks;
  }

  /// Whether all inputs of an output have one scale.
  [[nodiscard]] constexpr bool has_one_group() const { return group_chunks == whole_row; }

  /// Where a group's header is in a panel.
  [[nodiscard]] constexpr std::int64_t header_at(std::int32_t group) const {
    std::int64_t const first = std::int64_t{group} * group_chunks - phase;
    return std::int64_t{group} * header_bytes + (first > 0 ? first : 0) * chunk_bytes;
  }

  /// Where a chunk's codes are in a panel.
  [[nodiscard]] constexpr std::int64_t codes_at(std::int32_t chunk) const {
    return (std::int64_t{group_of(chunk)} + 1) * header_bytes + std::int64_t{chunk} * chunk_bytes;
  }

  /// From one panel to the next: whole cache lines.
  [[nodiscard]] constexpr std::int64_t panel_bytes() const {
    constexpr std::int64_t line = 128;
    return chunks == 0 ? 0 : round_up(codes_at(chunks - 1) + chunk_bytes, line);
  }
};

}  // namespace talus::kernels::block
