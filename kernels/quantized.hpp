// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/matrix_view.hpp"

/// \file
/// Quantised weights: what a code means. Every reader of a checkpoint ends here, every backend
/// packs from here, and dequantize() is the reference that both are tested against.

namespace talus::kernels {

/// What an element's code is.
enum class QuantKind : std::uint8_t {
  int8,      ///< two's complement; quantize() keeps to [-127, 127], other people's may hold -128
  int4,      ///< 0 to 15, less the zero point; 8 is the zero point where none is stored
  fp8_e4m3,  ///< OCP 8-bit float without infinities; 0x7F and 0xFF are NaN, and refused at load
  mxfp4,  ///< OCP e2m1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 for 0 to 7, and the same below zero for 8 to 15
};

/// How a matrix [out, in] is quantised: w[o, i] = scale * (value of the code - zero point).
///
/// A scale covers `group` inputs, counted from input 0 of the whole matrix, of `block_outputs`
/// outputs, counted from output 0 of the whole matrix.
struct QuantFormat {
  QuantKind kind = QuantKind::int8;
  std::int64_t group = 0;          ///< inputs that share a scale, a multiple of 32; 0: a whole row
  bool zero_points = false;        ///< int4 and int8 only; one a scale, coded as the elements
  std::int64_t block_outputs = 1;  ///< 128 for DeepSeek's blocks of fp8

  friend bool operator==(QuantFormat const&, QuantFormat const&) = default;
};

/// Every cut of a quantised matrix along `in`, over leaves and ranks, is a multiple of this (or the
/// end of the matrix): kernels quantise activations in chunks of it, and a chunk has one scale.
inline constexpr std::int64_t quant_chunk = 32;

/// What scales of fp8 must be below: weights may come near 114,688, and 2^120 times a scale is
/// finite, so that scaling may be one product with the widening of codes.
inline constexpr float fp8_scale_limit = 256.0F;

/// A block of a quantised matrix, codes unpacked to a byte each; what PackedWeights::set takes.
///
/// The block may begin in the middle of a scale's outputs and inputs. Element (o, i) of it has
/// scale(o, i) = scales[(row_phase + o) / block_outputs * scale_stride + (col_phase + i) / group],
/// the second term 0 where group is 0, and its zero point at the same place of `zeros`.
struct QuantRows {
  QuantFormat format;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::uint8_t const* codes = nullptr;  ///< [rows, cols]: int8, 0 to 15, e4m3, or e2m1
  std::int64_t code_stride = 0;         ///< bytes from one row of codes to the next, >= cols
  float const* scales = nullptr;        ///< exact conversions of what the checkpoint stores
  std::uint8_t const* zeros = nullptr;  ///< null unless format.zero_points
  std::int64_t scale_stride = 0;        ///< from one row of scales, and of zeros, to the next
  std::int64_t row_phase = 0;           ///< [0, block_outputs)
  std::int64_t col_phase = 0;           ///< [0, group)

  /// Where the scale and the zero point of element (o, i) lie.
  [[nodiscard]] std::int64_t scale_index(std::int64_t o, std::int64_t i) const noexcept {
    std::int64_t const group = format.group == 0 ? 0 : (col_phase + i) / format.group;
    return (row_phase + o) / format.block_outputs * scale_stride + group;
  }
};

/// The value of an e4m3 code; NaN for 0x7F and 0xFF. Exact.
///
/// Reference: Micikevicius et al., "FP8 Formats for Deep Learning", 2022, section 3.
[[nodiscard]] float e4m3_to_float(std::uint8_t code) noexcept;

/// The nearest e4m3, ties to even; beyond +-448 that, NaN 0x7F.
[[nodiscard]] std::uint8_t float_to_e4m3(float value) noexcept;

/// The value of an e2m1 code, 0 to 15. Exact.
///
/// Reference: OCP Microscaling Formats (MX) Specification 1.0, section 5.3.3.
[[nodiscard]] float e2m1_to_float(std::uint8_t code) noexcept;

/// 2^(code - 127); NaN for 255. Exact.
///
/// Reference: OCP Microscaling Formats (MX) Specification 1.0, section 5.4.1.
[[nodiscard]] float e8m0_to_float(std::uint8_t code) noexcept;

/// The value of a code without scale and zero point: -128 to 127, -8 to 7 (0 to 15 with zero
/// points), or a float's. Exact.
[[nodiscard]] float code_value(QuantFormat const& format, std::uint8_t code) noexcept;

/// out(o, i) = scale * (value of code (o, i) - zero point): one rounding to float32.
///
/// \param out  [rows.rows, rows.cols]
void dequantize(QuantRows const& rows, MatrixView<float> out);

/// A matrix quantised whole.
struct QuantizedMatrix {
  QuantFormat format;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<std::uint8_t> codes;  ///< [rows, cols]
  std::vector<float> scales;        ///< [rows, groups]
  std::vector<std::uint8_t> zeros;  ///< [rows, groups], or empty

  /// Columns [first, last) of rows [first_row, last_row), with the scales that they need.
  [[nodiscard]] QuantRows view(std::int64_t first_row,
                               std::int64_t last_row,
                               std::int64_t first_col,
                               std::int64_t last_col) const noexcept;

  /// All of it.
  [[nodiscard]] QuantRows view() const noexcept { return view(0, rows, 0, cols); }
};

/// Scales of a row of `cols` inputs.
[[nodiscard]] std::int64_t groups_of(QuantFormat const& format, std::int64_t cols) noexcept;

/// Whether quantize() makes a format: int8 without zero points, int4, or fp8, one output a scale.
[[nodiscard]] bool can_quantize(QuantFormat const& format) noexcept;

/// Quantises rows: the same result for a row whatever the others, and for a group whatever the
/// other groups.
///
/// int8: scale = max |w| / 127. int4 without zero points: the element of largest magnitude becomes
/// -8, so scale = -w / 8, of either sign. int4 with zero points: scale = (max - min) / 15 over the
/// group and 0. fp8: scale = max |w| / 448. A scale is rounded to bfloat16, so that it can be kept
/// so. Codes round to nearest, ties to even, and are clamped.
///
/// \param w  [rows, cols]; finite
/// \throws ConfigError  unless can_quantize(format); to fp8, if its scale would be no less than
///                      fp8_scale_limit
[[nodiscard]] QuantizedMatrix quantize(MatrixView<float const> w, QuantFormat const& format);

/// "int8", "int8-g128", "int4-g32", "int4-g128-asym", "fp8-g128x128", "mxfp4".
[[nodiscard]] std::string name_of(QuantFormat const& format);

/// A format that quantize() knows: int8, int8-g32, -g64, -g128, int4-g32, -g64, -g128, those of
/// int4 with "-asym" behind, and fp8.
///
/// \param what  the flag or field that the name comes from, for the message
/// \throws ConfigError  naming the formats that there are
[[nodiscard]] QuantFormat parse_quant_format(std::string_view name, std::string_view what);

/// The names that parse_quant_format() knows.
[[nodiscard]] std::span<std::string_view const> quant_format_names() noexcept;

}  // namespace talus::kernels
