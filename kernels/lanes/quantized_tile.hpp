// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/lanes/code_layout.hpp"
#include "kernels/lanes/integers.hpp"
#include "kernels/lanes/quantized_rows.hpp"

/// \file
/// The micro-kernel of quantised matmuls: Rows x 16 sums, of integers inside a chunk.

namespace talus::kernels::TALUS_TARGET {

/// Bytes from the codes at work to those that are asked for.
inline constexpr std::int64_t prefetch_distance = 2048;

/// What is taken off codes that are stored as unsigned ones, where no zero points are.
[[nodiscard]] constexpr std::int32_t fixed_zero(QuantKind kind) noexcept {
  return kind == QuantKind::int4 ? 8 : kind == QuantKind::mxfp4 ? 12 : 0;
}

/// Vector `v` of a step's codes, as pairs.
template <QuantKind Kind>
[[gnu::always_inline]] inline NativePairs step_vector(std::byte const* from, int v) {
  if constexpr (has_bytes(Kind)) {
    return widen_bytes(from + v * native_lanes * 2);
  } else {
    NativeUnsignedPairs words;
    std::memcpy(&words, from, sizeof words);
    auto const codes = v == step_vectors - 1 ? words >> 12 : (words >> (4 * v)) & 15;
    return Kind == QuantKind::mxfp4 ? doubled_e2m1(codes) : std::bit_cast<NativePairs>(codes);
  }
}

/// Rows of x, quantised.
struct CodeRows {
  std::byte const* data = nullptr;
  RowLayout layout;

  [[gnu::always_inline]] std::int16_t const* codes(int row, std::int64_t chunk) const {
    return reinterpret_cast<std::int16_t const*>(data + row * layout.bytes()) + chunk * quant_chunk;
  }

  [[gnu::always_inline]] float scale(int row, std::int64_t chunk) const {
    float scale = 0.0F;
    std::memcpy(&scale, data + row * layout.bytes() + layout.scales_at() + chunk * 4, 4);
    return scale;
  }

  [[gnu::always_inline]] std::int32_t sum(int row, std::int64_t chunk) const {
    std::int32_t sum = 0;
    std::memcpy(&sum, data + row * layout.bytes() + layout.sums_at() + chunk * 4, 4);
    return sum;
  }
};

/// Sixteen sums of integers.
struct ChunkSums {
  NativeInts part[native_parts];
};

/// The scales of a group, and its zero points where it has them.
struct GroupHeader {
  Lanes scales;
  ChunkSums zeros;

  [[gnu::always_inline]] GroupHeader(std::byte const* from,
                                     QuantStorage const& storage,
                                     std::int64_t scale_bytes) {
    if (storage.scales == DType::f32) {
      scales = load(reinterpret_cast<float const*>(from));
    } else if (storage.scales == DType::bf16) {
      scales = load(reinterpret_cast<std::uint16_t const*>(from));
    } else {
      scales = load_halves(reinterpret_cast<std::uint16_t const*>(from));
    }
    if (storage.format.zero_points) {
      using Bytes [[gnu::vector_size(native_lanes)]] = std::int8_t;
      for (int p = 0; p < native_parts; ++p) {
        Bytes bytes;
        std::memcpy(&bytes, from + scale_bytes + p * native_lanes, sizeof bytes);
        zeros.part[p] = __builtin_convertvector(bytes, NativeInts);
      }
    }
  }
};

/// Rows x 16 sums.
template <QuantKind Kind, int Rows>
struct CodeTile {
  Lanes sums[static_cast<unsigned>(Rows)];

  /// Adds the products of one chunk.
  [[gnu::always_inline]] void add_chunk(CodeRows const& x,
                                        std::int64_t chunk,
                                        std::byte const* codes,
                                        GroupHeader const& header,
                                        bool has_zeros) {
    Products products;
#pragma GCC unroll 16
    for (int row = 0; row < Rows; ++row) {
      products.rows[row] = begin(header, has_zeros, x.sum(row, chunk));
    }
    std::int16_t const* left[static_cast<unsigned>(Rows)];
#pragma GCC unroll 16
    for (int row = 0; row < Rows; ++row) {
      left[row] = x.codes(row, chunk);
    }
    // Few rows leave little to do between two steps but to count them.
    if constexpr (Rows <= 2) {
#pragma GCC unroll 16
      for (int step = 0; step < chunk_steps; ++step) {
        add_step(left, step, codes, products);
      }
    } else {
#pragma GCC unroll 1
      for (int step = 0; step < chunk_steps; ++step) {
        add_step(left, step, codes, products);
      }
    }
#pragma GCC unroll 16
    for (int row = 0; row < Rows; ++row) {
      NativeFloats const scale = native_broadcast(x.scale(row, chunk));
#pragma GCC unroll 4
      for (int p = 0; p < native_parts; ++p) {
        sums[row].part[p] =
            multiply_add(__builtin_convertvector(products.rows[row].part[p], NativeFloats),
                         header.scales.part[p] * scale,
                         sums[row].part[p]);
      }
    }
  }

 private:
  struct Products {
    ChunkSums rows[static_cast<unsigned>(Rows)];
  };

  [[gnu::always_inline]] static void add_step(
      std::int16_t const* const (&left)[static_cast<unsigned>(Rows)],
      int step,
      std::byte const* codes,
      Products& products) {
    constexpr int pairs = step_vectors / native_parts;
    std::byte const* const from = codes + step * step_bytes(Kind);
    if constexpr (Rows <= 2) {
      // A panel is one stream, which the processor's own prefetching does not keep up with.
      __builtin_prefetch(from + prefetch_distance, 0, 3);
    }
#pragma GCC unroll 16
    for (int pair = 0; pair < pairs; ++pair) {
      NativePairs weights[native_parts];
#pragma GCC unroll 4
      for (int p = 0; p < native_parts; ++p) {
        weights[p] = step_vector<Kind>(from, pair * native_parts + p);
      }
#pragma GCC unroll 16
      for (int row = 0; row < Rows; ++row) {
        NativePairs const inputs = broadcast_pair(left[row] + 2 * (step * pairs + pair));
#pragma GCC unroll 4
        for (int p = 0; p < native_parts; ++p) {
          products.rows[row].part[p] = add_products(products.rows[row].part[p], weights[p], inputs);
        }
      }
    }
  }

  /// What the zero points take off.
  [[gnu::always_inline]] static ChunkSums begin(GroupHeader const& header,
                                                bool has_zeros,
                                                std::int32_t sum_of_x) {
    ChunkSums sums{};
#pragma GCC unroll 4
    for (int p = 0; p < native_parts; ++p) {
      if (has_zeros) {
        sums.part[p] = -(header.zeros.part[p] * sum_of_x);
      } else if (fixed_zero(Kind) != 0) {
        sums.part[p] = NativeInts{} - fixed_zero(Kind) * sum_of_x;
      }
    }
    return sums;
  }
};

}  // namespace talus::kernels::TALUS_TARGET
