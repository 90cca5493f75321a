// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"

/// \file
/// What a warp's lanes hold of the matrices that tensor cores multiply: left [16, 16] times right
/// [16, 8], both of bfloat16, added to sums [16, 8] of float32, a register having two neighbours;
/// or left [16, 32] times right [32, 8] of integers of eight bits, added to sums of integers of 32
/// bits, a register having four neighbours. Registers are as many, and hold the same bytes of a
/// row.
///
/// Reference: NVIDIA, "PTX ISA", "Matrix fragments for mma.m16n8k16", "for mma.m16n8k32" and
/// "ldmatrix".

namespace talus::kernels::block {

inline constexpr int fragment_outputs = 16;  ///< rows of the left matrix, and of the sums
inline constexpr int fragment_rows = 8;      ///< columns of the right one, and of the sums
inline constexpr int fragment_inputs = 16;   ///< what a product of bfloat16 sums over
inline constexpr int integer_inputs = 32;    ///< what a product of integers sums over

/// A matrix of 8 x 8 elements, of which a lane has two neighbours: what is read from shared memory
/// at once.
inline constexpr int piece_size = 8;

using LeftFragment = Vector<std::uint32_t, 4>;
using RightFragment = Vector<std::uint32_t, 2>;
using SumFragment = Vector<float, 4>;
using IntegerFragment = Vector<std::int32_t, 4>;

/// An element of a matrix in fragments: whose it is, and where there.
struct FragmentPlace {
  int lane = 0;
  int number = 0;  ///< of the register
  int half = 0;    ///< the lower one is 0

  friend bool operator==(FragmentPlace const&, FragmentPlace const&) = default;
};

[[nodiscard]] constexpr FragmentPlace left_place(int output, int input) {
  return {output % 8 * 4 + input % 8 / 2, output / 8 + input / 8 * 2, input % 2};
}

[[nodiscard]] constexpr FragmentPlace right_place(int input, int row) {
  return {row * 4 + input % 8 / 2, input / 8, input % 2};
}

/// Where an integer of eight bits is: in the halves of the pair that has it. `byte` is its place
/// among the four of the register.
struct IntegerPlace {
  int lane = 0;
  int number = 0;
  int byte = 0;

  friend bool operator==(IntegerPlace const&, IntegerPlace const&) = default;
};

[[nodiscard]] constexpr IntegerPlace left_integer(int output, int input) {
  FragmentPlace const pair = left_place(output, input / 2);
  return {pair.lane, pair.number, pair.half * 2 + input % 2};
}

[[nodiscard]] constexpr IntegerPlace right_integer(int input, int row) {
  FragmentPlace const pair = right_place(input / 2, row);
  return {pair.lane, pair.number, pair.half * 2 + input % 2};
}

/// Which of the sums a lane's k-th one is.
[[nodiscard]] constexpr int sum_output(int lane, int k) {
  return lane / 4 + k / 2 * 8;
}

[[nodiscard]] constexpr int sum_row(int lane, int k) {
  return lane % 4 * 2 + k % 2;
}

/// Where a lane's row of the pieces begins that load_pieces() makes fragments of, in an array of
/// rows of `stride` elements: of a left fragment, ...
[[nodiscard]] constexpr int left_piece_row(int lane, int stride) {
  return (lane % 8 + lane / 8 % 2 * 8) * stride + lane / 16 * 8;
}

/// ... and of two right fragments, one after another, of 16 rows; of the first alone where only the
/// lower 16 lanes are asked.
[[nodiscard]] constexpr int right_piece_row(int lane, int stride) {
  return (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 8;
}

}  // namespace talus::kernels::block
