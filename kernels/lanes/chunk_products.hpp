// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/lanes/code_layout.hpp"
#include "kernels/lanes/integers.hpp"
#include "kernels/lanes/unrolled.hpp"

/// \file
/// The products of quantised rows with a chunk of a panel's codes, as integers.

namespace talus::kernels::TALUS_TARGET {

/// Rows x 16 sums of a chunk's products. Where codes have four bits, all of an output's fit in
/// pairs of 16 bits: 24 * 128 * 8 at most.
template <QuantKind Kind, int Rows>
class ChunkProducts {
 public:
  /// \param left      for each row, its integers of the chunk
  /// \param codes     of the chunk
  /// \param start_of  start_of(row, part) is what the sums begin with
  template <class StartOf>
  [[gnu::always_inline]] ChunkProducts(std::byte const* const (&left)[static_cast<unsigned>(Rows)],
                                       std::byte const* codes,
                                       StartOf const& start_of) {
    unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
      unrolled<native_parts>([&](auto p) __attribute__((always_inline)) {
        if constexpr (has_bytes(Kind)) {
          sums_[row][p] = start_of(row, p);
        } else {
          sums_[row][p] = NativePairs{};
        }
      });
    });
    unrolled<chunk_fours / block_fours>([&](auto block) __attribute__((always_inline)) {
      add_block(left, block * block_fours, codes + block * block_codes);
    });
  }

  /// \param start_of  as before
  template <class StartOf>
  [[gnu::always_inline]] NativeInts total(int row, int part, StartOf const& start_of) const {
    if constexpr (has_bytes(Kind)) {
      return sums_[row][part];
    } else {
      return add_pairs(start_of(row, part), sums_[row][part]);
    }
  }

 private:
  static constexpr int block_fours = has_bytes(Kind) ? 1 : 2;
  using Sum = std::conditional_t<has_bytes(Kind), NativeInts, NativePairs>;

  /// Part of the codes of the `index`th four among those that share a block.
  [[gnu::always_inline]] static NativeCodes codes_of(NativeCodes bytes, int index) {
    if constexpr (has_bytes(Kind)) {
      return bytes;
    } else {
      NativeCodes const codes = index == 0 ? lower_codes(bytes) : upper_codes(bytes);
      return Kind == QuantKind::mxfp4 ? doubled_e2m1(codes) : codes;
    }
  }

  [[gnu::always_inline]] void add_block(std::byte const* const (&left)[static_cast<unsigned>(Rows)],
                                        int first,
                                        std::byte const* codes) {
    unrolled<block_fours>([&](auto index) __attribute__((always_inline)) {
      NativeCodes weights[native_parts];
      unrolled<native_parts>([&](auto p) __attribute__((always_inline)) {
        weights[p] = codes_of(load_codes(codes + p * native_lanes * four), index);
      });
      unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
        NativeInts const inputs = broadcast_word(left[row] + (first + index) * four);
        unrolled<native_parts>([&](auto p) __attribute__((always_inline)) {
          add_products(sums_[row][p], weights[p], inputs);
        });
      });
    });
  }

  Sum sums_[static_cast<unsigned>(Rows)][static_cast<unsigned>(native_parts)];
};

}  // namespace talus::kernels::TALUS_TARGET
