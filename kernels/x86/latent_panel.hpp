// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

namespace talus::kernels::TALUS_TARGET {

/// Latents of a step in words of two positions, turned into words of two inputs, as a tile wants
/// keys.
class LatentPanel {
 public:
  static constexpr std::int64_t positions = 16;
  static constexpr std::int64_t block_inputs = 32;

  /// \param latents  [8, key_dim, 2] bfloat16, as lanes/kv_block.hpp has them
  /// \param panel    [key_dim / 2, 16, 2]
  /// \pre key_dim is a multiple of 32
  static void fill(std::uint16_t const* latents, std::int64_t key_dim, std::uint16_t* panel) {
    for (std::int64_t d = 0; d < key_dim; d += block_inputs) {
      Words rows[positions];
      for (std::int64_t pair = 0; pair < positions / 2; ++pair) {
        split_pair(latents + (pair * key_dim + d) * 2, rows + 2 * pair);
      }
      transpose(rows);
      std::memcpy(panel + d * positions, rows, sizeof rows);
    }
  }

 private:
  using Words [[gnu::vector_size(64)]] = std::uint32_t;
  using Lanes = std::make_integer_sequence<int, 16>;

  /// 32 inputs of two positions: a row of words of two inputs for each position.
  [[gnu::always_inline]] static void split_pair(std::uint16_t const* from, Words* rows) {
    Words words[2];
    std::memcpy(words, from, sizeof words);
    [&]<int... L>(std::integer_sequence<int, L...>) {
      Words const even = __builtin_shufflevector(words[0], words[1], (2 * L)...);
      Words const odd = __builtin_shufflevector(words[0], words[1], (2 * L + 1)...);
      rows[0] = (even & 0xFFFFU) | odd << 16U;
      rows[1] = even >> 16U | (odd & 0xFFFF0000U);
    }
    (Lanes{});
  }

  /// Exchanges the blocks off the diagonal of all squares of 2 `Size` rows and columns.
  template <int Size>
  [[gnu::always_inline]] static void exchange(Words* rows) {
    [&]<int... L>(std::integer_sequence<int, L...>) {
      for (int row = 0; row < positions; ++row) {
        if ((row & Size) == 0) {
          Words const upper = rows[row];
          Words const lower = rows[row + Size];
          rows[row] =
              __builtin_shufflevector(upper, lower, ((L & Size) == 0 ? L : 16 + L - Size)...);
          rows[row + Size] =
              __builtin_shufflevector(upper, lower, ((L & Size) == 0 ? L + Size : 16 + L)...);
        }
      }
    }
    (Lanes{});
  }

  [[gnu::always_inline]] static void transpose(Words* rows) {
    exchange<8>(rows);
    exchange<4>(rows);
    exchange<2>(rows);
    exchange<1>(rows);
  }
};

}  // namespace talus::kernels::TALUS_TARGET
