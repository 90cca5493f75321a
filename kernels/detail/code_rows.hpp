// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/rounding.hpp"

/// \file
/// Codes in the order of rows, for a library that multiplies: see CodeOrder.

namespace talus::kernels::detail {

/// Where the codes of fp8 of a matrix [out, in] lie, and their scales, which are float32.
///
/// Codes are [out, in], without gaps. Behind them lie the scales: one for each output; or, of
/// blocks of 128 x 128, [blocks of outputs, blocks of inputs], of which rows begin at multiples of
/// four.
///
/// Reference: NVIDIA, "cuBLAS documentation", "Narrow precision data types usage".
struct CodeRows {
  static constexpr std::int64_t block = 128;
  static constexpr std::int64_t alignment = 16;  ///< bytes, of codes and of scales

  std::int64_t out = 0;
  std::int64_t in = 0;
  bool has_blocks = false;

  constexpr CodeRows(std::int64_t outputs, std::int64_t inputs, QuantStorage const& storage)
      : out{outputs}, in{inputs}, has_blocks{storage.format.group != 0} {}

  /// From one row of scales to the next.
  [[nodiscard]] constexpr std::int64_t scale_stride() const {
    return has_blocks ? round_up(ceil_div(in, block), 4) : 1;
  }

  [[nodiscard]] constexpr std::int64_t num_scales() const {
    return has_blocks ? ceil_div(out, block) * scale_stride() : out;
  }

  /// The scale of an element.
  [[nodiscard]] constexpr std::int64_t scale_of(std::int64_t o, std::int64_t i) const {
    return has_blocks ? o / block * scale_stride() + i / block : o;
  }

  /// Where the scales begin, in bytes.
  [[nodiscard]] constexpr std::int64_t scales_at() const { return round_up(out * in, alignment); }

  [[nodiscard]] constexpr std::int64_t bytes() const {
    return scales_at() + num_scales() * static_cast<std::int64_t>(sizeof(float));
  }
};

/// Puts rows of codes, and their scales, where the context keeps a matrix.
///
/// \param data  of the matrix
/// \throws ConfigError  if outputs that share scales begin elsewhere than in the matrix
void put_code_rows(ExecContext const& exec,
                   CodeRows const& layout,
                   std::byte* data,
                   MatrixOrigin origin,
                   QuantRows const& rows);

}  // namespace talus::kernels::detail
