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
/// of them. In a chunk, inputs come in pairs, of each pair the sixteen outputs side by side, as
/// many to a vector as the registers have lanes: int8 codes one after another; of codes of four
/// bits, four vectors share their 16-bit words, the first in the lowest bits.

namespace talus::kernels::TALUS_TARGET {

/// The pairs of inputs of a chunk.
inline constexpr int chunk_pairs = static_cast<int>(quant_chunk / 2);

/// Vectors of pairs that are read together, as a step: of a chunk there are this many steps.
inline constexpr int step_vectors = 4;
inline constexpr int chunk_steps = chunk_pairs * native_parts / step_vectors;

[[nodiscard]] constexpr bool has_bytes(QuantKind kind) noexcept {
  return kind == QuantKind::int8;
}

/// Bytes of a step's codes.
[[nodiscard]] constexpr std::int64_t step_bytes(QuantKind kind) noexcept {
  return static_cast<std::int64_t>(step_vectors) * native_lanes * 2 / (has_bytes(kind) ? 1 : 2);
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
        chunk_bytes_{chunk_steps * step_bytes(storage.format.kind)} {}

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
