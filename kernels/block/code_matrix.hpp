// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_layout.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// A lane's scale in a group, and its zero point.
struct GroupScale {
  float scale = 0.0F;
  std::uint8_t zero = 0;
};

/// Quantised weights in a GPU's memory.
struct CodeMatrix {
  GlobalSpan<std::uint32_t const> words;
  CodeLayout layout;
  DType scales = DType::f32;
  bool has_zeros = false;

  CodeMatrix() = default;

  explicit CodeMatrix(PackedWeights const& w)
      : words{reinterpret_cast<std::uint32_t const*>(w.data()), w.bytes() / 4},
        layout{*w.codes(), w.in()},
        scales{w.codes()->scales},
        has_zeros{w.codes()->format.zero_points} {}

  /// Is another matrix of its shape and format from now on.
  TALUS_DEVICE void take(std::byte const* codes) {
    words.data = reinterpret_cast<std::uint32_t const*>(codes);
  }

  /// Where a chunk's codes are, in 32-bit words.
  [[nodiscard]] constexpr std::int64_t word_of(std::int64_t panel, std::int32_t chunk) const {
    return (panel * layout.panel_bytes() + layout.codes_at(chunk)) / 4;
  }

  /// Of the group that a chunk is in.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE GroupScale
  scale_of(Block& block, std::int64_t panel, std::int32_t chunk, int lane) const {
    return scale_at(
        block, panel * layout.panel_bytes() + layout.header_at(layout.group_of(chunk)), lane);
  }

  /// Of the group whose header is at byte `header`.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE GroupScale scale_at(Block& block,
                                                 std::int64_t header,
                                                 int lane) const {
    return scale_in(block, words, header / 4, lane);
  }

  /// Of a header that is in memory of any kind, from its word `first` on.
  template <class Block, class Words>
  [[nodiscard]] TALUS_DEVICE GroupScale
  scale_in(Block& block, Words const& memory, std::int64_t first, int lane) const {
    GroupScale result;
    if (scales == DType::f32) {
      result.scale = std::bit_cast<float>(block.load(memory, first + lane));
    } else {
      std::uint32_t const pair = block.load(memory, first + lane / 2);
      auto const bits = static_cast<std::uint16_t>(lane % 2 == 0 ? pair : pair >> 16U);
      result.scale = scales == DType::bf16 ? bf16_to_float(bits) : half_to_float(bits);
    }
    if (has_zeros) {
      std::uint32_t const four = block.load(memory, first + layout.scale_bytes / 4 + lane / 4);
      result.zero = static_cast<std::uint8_t>(four >> static_cast<unsigned>(lane % 4 * 8));
    }
    return result;
  }

 private:
  /// A finite IEEE half; exact.
  [[nodiscard]] static constexpr float half_to_float(std::uint16_t bits) {
    std::uint32_t const sign = (bits & 0x8000U) << 16U;
    std::uint32_t const rest = bits & 0x7FFFU;
    // As a float its exponent is less by 112: exact, as the least half is a normal float then.
    float const scaled = std::bit_cast<float>(rest << 13U) * 0x1p112F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
  }
};

}  // namespace talus::kernels::block
