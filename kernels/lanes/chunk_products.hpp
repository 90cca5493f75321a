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

/// Fours of inputs whose codes share a block of 64 bytes.
[[nodiscard]] constexpr int block_fours(QuantKind kind) noexcept {
  return has_bytes(kind) ? 1 : 2;
}

/// The codes of the `index`th four among those that share `bytes`.
template <QuantKind Kind>
[[gnu::always_inline]] inline NativeCodes codes_of(NativeCodes bytes, int index) {
  if constexpr (has_bytes(Kind)) {
    return bytes;
  } else {
    NativeCodes const codes = index == 0 ? lower_codes(bytes) : upper_codes(bytes);
    return Kind == QuantKind::mxfp4 ? doubled_e2m1(codes) : codes;
  }
}

/// Whether products are summed in 32 bits as they come. Of codes of four bits, all of a chunk's fit
/// in pairs of 16 bits, 24 * 128 * 8 at most, which pays where four products are not one
/// instruction.
[[nodiscard]] constexpr bool sums_words([[maybe_unused]] QuantKind kind) noexcept {
#if defined(__AVX512VNNI__)
  return true;
#else
  return has_bytes(kind);
#endif
}

/// Rows x 16 sums of a chunk's products.
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
        if constexpr (sums_words(Kind)) {
          sums_[row][p] = start_of(row, p);
        } else {
          sums_[row][p] = NativePairs{};
        }
      });
    });
    unrolled<chunk_fours / block_fours(Kind)>([&](auto block) __attribute__((always_inline)) {
      add_block(left, block * block_fours(Kind), codes + block * block_codes);
    });
  }

  /// \param start_of  as before
  template <class StartOf>
  [[gnu::always_inline]] NativeInts total(int row, int part, StartOf const& start_of) const {
    if constexpr (sums_words(Kind)) {
      return sums_[row][part];
    } else {
      return add_pairs(start_of(row, part), sums_[row][part]);
    }
  }

 private:
  using Sum = std::conditional_t<sums_words(Kind), NativeInts, NativePairs>;

  [[gnu::always_inline]] void add_block(std::byte const* const (&left)[static_cast<unsigned>(Rows)],
                                        int first,
                                        std::byte const* codes) {
    unrolled<block_fours(Kind)>([&](auto index) __attribute__((always_inline)) {
      NativeCodes weights[native_parts];
      unrolled<native_parts>([&](auto p) __attribute__((always_inline)) {
        weights[p] = codes_of<Kind>(load_codes(codes + p * native_lanes * four), index);
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
