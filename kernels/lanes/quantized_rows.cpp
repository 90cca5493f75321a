// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_rows.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/lanes/integers.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float greatest_sum = 127.0F;
constexpr float least_magnitude = 0x1p-96F;
constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer

/// A chunk's inputs, or integers in their places.
struct Chunk {
  static constexpr int halves = static_cast<int>(quant_chunk) / num_lanes;
  Lanes half[halves];
};

static_assert(Chunk::halves == 2);

/// Integers where floats are kept.
NativeInts bits_of(NativeFloats x) {
  return std::bit_cast<NativeInts>(x);
}

NativeFloats float_of(NativeInts bits) {
  return std::bit_cast<NativeFloats>(bits);
}

/// |x| of each lane, and of its neighbour, added.
NativeFloats neighbours_sum(NativeFloats x) {
  using LanePairs [[gnu::vector_size(native_lanes * 4)]] = std::int64_t;
  auto const magnitudes = bits_of(x) & 0x7FFFFFFF;
  auto const pairs = std::bit_cast<LanePairs>(magnitudes);
  auto const turned = (pairs << 32) | ((pairs >> 32) & 0xFFFFFFFF);
  return float_of(magnitudes) + std::bit_cast<NativeFloats>(turned);
}

#if defined(__AVX2__) && defined(__FMA__)

template <class Join>
std::int32_t join_integers(Lanes const& lanes, Join const& join) {
  float const joined = join_halves(lanes, [&](__m128 a, __m128 b) {
    return _mm_castsi128_ps(join(_mm_castps_si128(a), _mm_castps_si128(b)));
  });
  return std::bit_cast<std::int32_t>(joined);
}

std::int32_t greatest_integer(Lanes const& lanes) {
  return join_integers(lanes, [](__m128i a, __m128i b) { return _mm_max_epi32(a, b); });
}

std::int32_t sum_of_integers(Lanes const& lanes) {
  return join_integers(lanes, [](__m128i a, __m128i b) { return _mm_add_epi32(a, b); });
}

#else

std::int32_t greatest_integer(Lanes const& lanes) {
  std::int32_t integers[num_lanes];
  std::memcpy(integers, &lanes, sizeof integers);
  return *std::max_element(integers, integers + num_lanes);
}

std::int32_t sum_of_integers(Lanes const& lanes) {
  std::uint32_t integers[num_lanes];  // whose sum wraps around
  std::memcpy(integers, &lanes, sizeof integers);
  return static_cast<std::int32_t>(std::accumulate(integers, integers + num_lanes, 0U));
}

#endif

/// Stores integers as bytes; those that don't fit, as anything.
void store_bytes(std::byte* to, Chunk const& integers) {
#if defined(__AVX512F__)
  for (Lanes const& half : integers.half) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm512_maskz_cvtepi32_epi8(0xFFFF, _mm512_castps_si512(half.part[0])));
    to += num_lanes;
  }
#elif defined(__AVX2__) && defined(__FMA__)
  auto const words = [&](int half, int part) {
    return _mm256_castps_si256(integers.half[half].part[part]);
  };
  __m256i const lower = _mm256_packs_epi32(words(0, 0), words(0, 1));
  __m256i const upper = _mm256_packs_epi32(words(1, 0), words(1, 1));
  __m256i const order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i const bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(lower, upper), order);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
#else
  using Bytes [[gnu::vector_size(native_lanes)]] = std::int8_t;
  for (Lanes const& half : integers.half) {
    for (NativeFloats const& part : half.part) {
      auto const bytes = __builtin_convertvector(bits_of(part), Bytes);
      std::memcpy(to, &bytes, sizeof bytes);
      to += native_lanes;
    }
  }
#endif
}

struct ChunkCodes {
  float scale = 0.0F;
  std::int32_t sum = 0;  ///< anything where the scale isn't finite
};

ChunkCodes quantize_chunk(float const* x, std::byte* codes) {
  Chunk const values{{load(x), load(x + num_lanes)}};
  // Bits of magnitudes order as they do, those of what isn't finite behind all others.
  Lanes const greatest = map(
      [](NativeFloats a, NativeFloats b) {
        NativeInts const sum_a = bits_of(neighbours_sum(a));
        NativeInts const sum_b = bits_of(neighbours_sum(b));
        return float_of(sum_a > sum_b ? sum_a : sum_b);
      },
      values.half[0],
      values.half[1]);
  float const most = std::bit_cast<float>(greatest_integer(greatest));
  bool const is_zero = most < least_magnitude;
  NativeFloats const factor = native_broadcast(is_zero ? 0.0F : greatest_sum / most);
  Chunk integers;
  for (int i = 0; i < Chunk::halves; ++i) {
    integers.half[i] = map(
        [&](NativeFloats part) {
          return float_of(bits_of(part * factor + rounder) - std::bit_cast<std::int32_t>(rounder));
        },
        values.half[i]);
  }
  store_bytes(codes, integers);
  Lanes const sums =
      map([](NativeFloats a, NativeFloats b) { return float_of(bits_of(a) + bits_of(b)); },
          integers.half[0],
          integers.half[1]);
  return {is_zero ? 0.0F : most / greatest_sum, sum_of_integers(sums)};
}

}  // namespace

void quantize_row(float const* x, std::int64_t in, std::int32_t zero, std::byte* to) {
  RowLayout const layout{in};
  for (std::int64_t c = 0; c < layout.chunks(); ++c) {
    std::int64_t const first = c * quant_chunk;
    std::byte* const codes = to + first;
    ChunkCodes chunk;
    if (first + quant_chunk <= in) {
      chunk = quantize_chunk(x + first, codes);
    } else {
      float padded[quant_chunk] = {};
      std::copy_n(x + first, in - first, padded);
      chunk = quantize_chunk(padded, codes);
    }
    std::memcpy(to + layout.scales_at() + c * 4, &chunk.scale, 4);
    std::uint32_t const offset =
        0U - static_cast<std::uint32_t>(zero) * static_cast<std::uint32_t>(chunk.sum);
    std::memcpy(to + layout.offsets_at() + c * 4, &offset, 4);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
