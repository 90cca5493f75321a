// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/checkpoint/loader.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::io {

/// Writes a piece as float32: out(i, j) = piece(i, j).
///
/// \param out  [piece.rows, piece.cols]; its rows may be longer apart
/// \throws ConfigError  if the piece is not of F32, F16, BF16 or F64
/// Accuracy: exact, but F64 is rounded to nearest, ties to even.
void convert_to_float(TensorPiece const& piece, MatrixView<float> out);

/// Writes a piece as bfloat16 bits: out(i, j) = piece(i, j), rounded to nearest, ties to even.
///
/// \param out  [piece.rows, piece.cols]; its rows may be longer apart
/// \throws ConfigError  if the piece is not of F32, F16, BF16 or F64
/// Accuracy: one rounding; F64 is rounded to float32 first.
void convert_to_bf16(TensorPiece const& piece, MatrixView<std::uint16_t> out);

}  // namespace talus::io
