// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/convert.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

// Element `i` of a row that may lie at any address; a plain load once compiled.
template <class Stored>
Stored load(std::byte const* row, std::int64_t i) noexcept {
  Stored value;
  std::memcpy(&value, row + i * static_cast<std::int64_t>(sizeof(Stored)), sizeof(Stored));
  return value;
}

// As f16_to_float, but without a branch, for vector code.
float widen_f16(std::uint16_t half) noexcept {
  constexpr std::uint32_t rebias = 112U << 23U;  // exponents: 127 of float less 15 of half
  std::uint32_t const sign = (half & 0x8000U) << 16U;
  std::uint32_t const magnitude = half & 0x7FFFU;
  // Masks instead of conditions: a compiler makes a branch of those, and then no vector code.
  std::uint32_t const is_subnormal = 0U - static_cast<std::uint32_t>(magnitude < 0x400U);
  std::uint32_t const is_special = 0U - static_cast<std::uint32_t>(magnitude >= 0x7C00U);
  std::uint32_t const normal = (magnitude << 13U) + rebias + (is_special & rebias);
  float const subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F;
  auto const small = std::bit_cast<std::uint32_t>(subnormal);
  return std::bit_cast<float>((small & is_subnormal) | (normal & ~is_subnormal) | sign);
}

// Applies `convert` to every element. One loop without a branch for each type, which compilers turn
// into vector code.
template <class Stored, class Out, class Convert>
void convert_rows(TensorPiece const& piece, MatrixView<Out> out, Convert convert) {
  constexpr auto element_bytes = static_cast<std::int64_t>(sizeof(Stored));
  for (std::int64_t i = 0; i < piece.rows; ++i) {
    std::byte const* const row = piece.data + i * piece.row_stride * element_bytes;
    Out* const target = out.data + i * out.row_stride;
    for (std::int64_t j = 0; j < piece.cols; ++j) {
      target[j] = convert(load<Stored>(row, j));
    }
  }
}

// Picks the widening of the piece's type to float; `finish` turns the float into what is stored.
template <class Out, class Finish>
void convert_piece(TensorPiece const& piece, MatrixView<Out> out, Finish finish) {
  TALUS_EXPECT(out.rows == piece.rows && out.cols == piece.cols);
  switch (piece.dtype) {
    case DType::f32:
      return convert_rows<float>(piece, out, finish);
    case DType::f64:
      return convert_rows<double>(
          piece, out, [=](double value) { return finish(static_cast<float>(value)); });
    case DType::f16:
      return convert_rows<std::uint16_t>(
          piece, out, [=](std::uint16_t bits) { return finish(widen_f16(bits)); });
    case DType::bf16:
      return convert_rows<std::uint16_t>(
          piece, out, [=](std::uint16_t bits) { return finish(bf16_to_float(bits)); });
    default:
      throw ConfigError{concat("weights of type ",
                               name_of(piece.dtype),
                               " (expected float32, float16, bfloat16 or float64)")};
  }
}

}  // namespace

void convert_to_float(TensorPiece const& piece, MatrixView<float> out) {
  convert_piece(piece, out, [](float value) { return value; });
}

void convert_to_bf16(TensorPiece const& piece, MatrixView<std::uint16_t> out) {
  if (piece.dtype == DType::bf16) {
    return convert_rows<std::uint16_t>(piece, out, [](std::uint16_t bits) { return bits; });
  }
  convert_piece(piece, out, [](float value) { return float_to_bf16(value); });
}

}  // namespace talus::io
