// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/kv_code_pairs.hpp"
#include "kernels/block/kv_elements.hpp"

/// \file
/// Fragments of keys and values out of pieces of shared memory, where elements of eight bits are
/// two in the place of one of bfloat16.
///
/// A lane has four neighbouring codes of a row in a register: the even ones are a register of the
/// one half of a fragment, the odd ones of the other. So products of keys sum over 16 elements in
/// an order of their own, in which queries lie in shared memory, too; and of values, what has the
/// even elements is one fragment, what has the odd ones the next.

namespace talus::kernels::block {

/// Two right fragments, one after another.
using FragmentPair = Vector<std::uint32_t, 4>;

/// Fragments of 16 elements that four pieces of keys, or 16 positions that those of values are of.
template <class Kind>
inline constexpr int piece_groups = has_scales<Kind> ? 2 : 1;

/// Where an element of a query stands, so that it meets the key's.
template <class Kind>
[[nodiscard]] constexpr std::int32_t query_place(std::int32_t element) {
  if (!has_scales<Kind>) {
    return element;
  }
  std::int32_t const i = element % fragment_inputs;
  return element - i + i / 2 + i % 2 * (fragment_inputs / 2);
}

/// Of the pieces of 16 keys, as right_piece_row() has them: group `g` of each half of the keys.
template <class Kind>
[[nodiscard]] TALUS_DEVICE FragmentPair key_fragments(Vector<std::uint32_t, 4> const& pieces,
                                                      int g) {
  if constexpr (has_scales<Kind>) {
    Bf16Pairs const lower = pairs_of<Kind>(pieces[g]);
    Bf16Pairs const upper = pairs_of<Kind>(pieces[2 + g]);
    return {lower[0], lower[1], upper[0], upper[1]};
  } else {
    return pieces;
  }
}

/// Where a lane's row of the pieces of values begins, in an array of rows of `stride` words: 16
/// positions of 16 elements of bfloat16, or 32 of as many codes.
template <class Kind>
[[nodiscard]] constexpr int value_piece_row(int lane, int stride) {
  return has_scales<Kind> ? lane * stride : left_piece_row(lane, stride);
}

/// Of the transposed pieces of 16 elements of values: of group `g` of the positions.
template <class Kind>
[[nodiscard]] TALUS_DEVICE FragmentPair value_fragments(Vector<std::uint32_t, 4> const& pieces,
                                                        int g) {
  if constexpr (has_scales<Kind>) {
    Bf16Pairs const lower = pairs_of<Kind>(pieces[2 * g]);
    Bf16Pairs const upper = pairs_of<Kind>(pieces[2 * g + 1]);
    return {lower[0], upper[0], lower[1], upper[1]};
  } else {
    return pieces;
  }
}

/// Which element of the values a lane's k-th sum of a fragment is of.
template <class Kind>
[[nodiscard]] constexpr std::int32_t value_element(int fragment, int lane, int k) {
  if (has_scales<Kind>) {
    return fragment / 2 * (2 * fragment_rows) + 2 * sum_row(lane, k) + fragment % 2;
  }
  return fragment * fragment_rows + sum_row(lane, k);
}

}  // namespace talus::kernels::block
