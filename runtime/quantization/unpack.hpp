// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/quantization/quant_config.hpp"

/// \file
/// From a checkpoint's packed bytes to codes of a byte each, as kernels::QuantRows has them.

namespace talus::runtime {

/// A rectangle of a matrix [out, in], and its codes.
struct CodeTile {
  Range rows;                       ///< outputs
  Range cols;                       ///< inputs
  std::vector<std::uint8_t> codes;  ///< [rows, cols]
};

/// How elements are packed.
enum class CodePacking : std::uint8_t {
  words_down,   ///< int32 words [in / n, out] of n consecutive inputs, the first in the low bits
  words_right,  ///< int32 words [out, in / n] of n consecutive inputs
  interleaved,  ///< int32 words [in, out / 8] of 8 outputs, in the order 0, 2, 4, 6, 1, 3, 5, 7
  bytes,        ///< [out, in] one byte each
};

/// The part of `wanted` that a piece of a packed tensor holds, unpacked.
///
/// \param piece    rows of packed elements; its columns begin at the one that holds the wanted
///                 rectangle's first element
/// \param packing  4-bit codes come out as 0 to 15; 8-bit ones of words as two's complement, which
///                 is 128 less than what is stored
/// \param bits     4 or 8
[[nodiscard]] CodeTile unpack(io::TensorPiece const& piece,
                              CodePacking packing,
                              std::int64_t bits,
                              CodeTile const& wanted);

/// Two e2m1 a byte, the first in the low bits: codes of `count` elements.
void unpack_pairs(std::byte const* bytes, std::int64_t count, std::uint8_t* codes) noexcept;

}  // namespace talus::runtime
