// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/lanes/lanes.hpp"
#include "kernels/packed_weights.hpp"

/// \file
/// Where the codes of quantised weights lie.
///
/// A panel of sixteen outputs is one stream: the chunks of `in` in order, before the first chunk of
/// each group a header, the group's sixteen scales and, where there are zero points, sixteen bytes
/// of them, as codes are stored. In a chunk, inputs come in fours, of each four the sixteen outputs
/// side by side, the codes of an output together: 64 codes, int8 less their sign (+ 128), e4m3 as
/// they are. Of codes of four bits, two such fours share 64 bytes, the first in the lower bits.

namespace talus::kernels::TALUS_TARGET {

/// Inputs whose codes lie together, and the fours of a chunk.
inline constexpr int four = 4;
inline constexpr int chunk_fours = static_cast<int>(quant_chunk) / four;

/// Codes of four inputs and a panel's outputs.
inline constexpr int block_codes = four * num_lanes;

[[nodiscard]] constexpr bool has_bytes(QuantKind kind) noexcept {
  return kind == QuantKind::int8 || kind == QuantKind::fp8_e4m3;
}

/// The zero point of stored codes where the format has none of its own.
[[nodiscard]] constexpr std::int32_t fixed_zero(QuantKind kind) noexcept {
  return kind == QuantKind::int4 ? 8 : kind == QuantKind::mxfp4 ? 12 : 128;
}

/// The places of groups and chunks in a panel.
class CodeLayout {
 public:
  CodeLayout(QuantStorage const& storage, std::int64_t in)
      : chunks_{(in + quant_chunk - 1) / quant_chunk},
        phase_{storage.col_phase / quant_chunk},
        group_chunks_{storage.format.group == 0 ? std::numeric_limits<std::int64_t>::max() / 2
                                                : storage.format.group / quant_chunk},
        scale_bytes_{size_of(storage.scales) * num_lanes},
        header_bytes_{scale_bytes_ + (storage.format.zero_points ? num_lanes : 0)},
        chunk_bytes_{chunk_fours * block_codes / (has_bytes(storage.format.kind) ? 1 : 2)} {}

  [[nodiscard]] std::int64_t chunks() const noexcept { return chunks_; }

  [[nodiscard]] std::int64_t header_bytes() const noexcept { return header_bytes_; }

  [[nodiscard]] std::int64_t chunk_bytes() const noexcept { return chunk_bytes_; }

  /// Where the zero points begin in a header.
  [[nodiscard]] std::int64_t scale_bytes() const noexcept { return scale_bytes_; }

  [[nodiscard]] std::int64_t group_of(std::int64_t chunk) const noexcept {
    return (chunk + phase_) / group_chunks_;
  }

  /// The chunk behind the last one of `group`.
  [[nodiscard]] std::int64_t end_of(std::int64_t group) const noexcept {
    return std::min(chunks_, (group + 1) * group_chunks_ - phase_);
  }

  [[nodiscard]] std::int64_t codes_at(std::int64_t chunk) const noexcept {
    return (group_of(chunk) + 1) * header_bytes_ + chunk * chunk_bytes_;
  }

  [[nodiscard]] std::int64_t header_at(std::int64_t group) const noexcept {
    std::int64_t const first = std::max<std::int64_t>(0, group * group_chunks_ - phase_);
    return group * header_bytes_ + first * chunk_bytes_;
  }

  /// From one panel to the next: whole cache lines.
  [[nodiscard]] std::int64_t panel_bytes() const noexcept {
    constexpr std::int64_t line = 64;
    std::int64_t const bytes = chunks_ == 0 ? 0 : codes_at(chunks_ - 1) + chunk_bytes_;
    return (bytes + line - 1) / line * line;
  }

 private:
  std::int64_t chunks_;
  std::int64_t phase_;
  std::int64_t group_chunks_;
  std::int64_t scale_bytes_;
  std::int64_t header_bytes_;
  std::int64_t chunk_bytes_;
};

}  // namespace talus::kernels::TALUS_TARGET
