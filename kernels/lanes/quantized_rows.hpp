// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/lanes/code_layout.hpp"

namespace talus::kernels::TALUS_TARGET {

/// How a row of inputs is kept when it is quantised: its integers, the scale of each chunk, and
/// what a zero point of 1 takes off each chunk's sums, or that of the weights' format. A last chunk
/// that isn't whole is filled up with zeros.
class RowLayout {
 public:
  explicit RowLayout(std::int64_t in) : chunks_{(in + quant_chunk - 1) / quant_chunk} {}

  [[nodiscard]] std::int64_t chunks() const noexcept { return chunks_; }

  /// From one row to the next: whole cache lines, and an odd number of them, since rows a power of
  /// two apart would push each other out of the first-level cache.
  [[nodiscard]] std::int64_t bytes() const noexcept {
    constexpr std::int64_t line = 64;
    return ((offsets_at() + chunks_ * 4 + line - 1) / line | 1) * line;
  }

  [[nodiscard]] std::int64_t scales_at() const noexcept { return chunks_ * quant_chunk; }

  [[nodiscard]] std::int64_t offsets_at() const noexcept { return scales_at() + chunks_ * 4; }

 private:
  std::int64_t chunks_;
};

/// Quantises one row of `in` inputs to integers of eight bits: the greatest sum of magnitudes of
/// two neighbours (inputs 2 j and 2 j + 1 of a chunk) becomes 127, all inputs are rounded to
/// nearest, ties to even. So the magnitudes of two neighbours add up to 128 at most: their products
/// with codes below 256 fit in 16 bits, and a lone outlier keeps all eight bits. A chunk below
/// 2^-96 counts as zero; one with an element that isn't finite has a scale that isn't.
///
/// \param zero  the zero point of all codes that are multiplied with; 1 where they have their own
/// \param to    RowLayout::bytes() of them, aligned to four
void quantize_row(float const* x, std::int64_t in, std::int32_t zero, std::byte* to);

}  // namespace talus::kernels::TALUS_TARGET
