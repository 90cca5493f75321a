// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/lanes/code_layout.hpp"

namespace talus::kernels::TALUS_TARGET {

/// How a row of inputs is kept when it is quantised: its integers, the scale of each chunk, and the
/// sum of each chunk's integers. A last chunk that isn't whole is filled up with zeros.
class RowLayout {
 public:
  explicit RowLayout(std::int64_t in) : chunks_{(in + quant_chunk - 1) / quant_chunk} {}

  [[nodiscard]] std::int64_t chunks() const noexcept { return chunks_; }

  /// From one row to the next: whole cache lines.
  [[nodiscard]] std::int64_t bytes() const noexcept {
    constexpr std::int64_t line = 64;
    return (sums_at() + chunks_ * 4 + line - 1) / line * line;
  }

  [[nodiscard]] std::int64_t scales_at() const noexcept { return chunks_ * quant_chunk * 2; }

  [[nodiscard]] std::int64_t sums_at() const noexcept { return scales_at() + chunks_ * 4; }

 private:
  std::int64_t chunks_;
};

/// Quantises one row of `in` inputs: the greatest magnitude of a chunk becomes 32767, others are
/// rounded to nearest, ties to even. A chunk below 2^-96 counts as zero; one with an element that
/// isn't finite has a scale that isn't.
///
/// \param to  RowLayout::bytes() of them, aligned to four
void quantize_row(float const* x, std::int64_t in, std::byte* to);

}  // namespace talus::kernels::TALUS_TARGET
