// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_rows.hpp"

#include <bit>

#include "kernels/lanes/integers.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float greatest_code = 32767.0F;
constexpr float least_magnitude = 0x1p-96F;
constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer

constexpr int chunk_vectors = static_cast<int>(quant_chunk) / native_lanes;

using NativeShorts [[gnu::vector_size(native_lanes * 2)]] = std::int16_t;

struct ChunkCodes {
  float scale = 0.0F;
  std::int32_t sum = 0;
};

/// The greatest of the magnitudes; not finite if one isn't. Bits of magnitudes order as they do.
float greatest_magnitude(NativeFloats const (&values)[chunk_vectors]) {
  NativeInts most{};
  for (NativeFloats const& value : values) {
    NativeInts const bits = std::bit_cast<NativeInts>(value) & 0x7FFFFFFF;
    most = bits > most ? bits : most;
  }
  std::int32_t lanes[native_lanes];
  std::memcpy(lanes, &most, sizeof lanes);
  for (int half = native_lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
    }
  }
  return std::bit_cast<float>(lanes[0]);
}

ChunkCodes quantize_chunk(float const* x, std::int16_t* codes) {
  NativeFloats values[chunk_vectors];
  std::memcpy(values, x, sizeof values);
  float const most = greatest_magnitude(values);
  bool const is_zero = most < least_magnitude;
  NativeFloats const factor = native_broadcast(is_zero ? 0.0F : greatest_code / most);
  NativeInts sums{};
  for (int i = 0; i < chunk_vectors; ++i) {
    NativeFloats const shifted = values[i] * factor + rounder;
    NativeInts const integers =
        std::bit_cast<NativeInts>(shifted) - std::bit_cast<std::int32_t>(rounder);
    auto const narrow = __builtin_convertvector(integers, NativeShorts);
    std::memcpy(codes + i * native_lanes, &narrow, sizeof narrow);
    sums += integers;
  }
  std::int32_t lanes[native_lanes];
  std::memcpy(lanes, &sums, sizeof lanes);
  std::int32_t sum = 0;
  for (std::int32_t const lane : lanes) {
    sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) +
                                    static_cast<std::uint32_t>(lane));
  }
  return {is_zero ? 0.0F : most / greatest_code, sum};
}

}  // namespace

void quantize_row(float const* x, std::int64_t in, std::byte* to) {
  RowLayout const layout{in};
  for (std::int64_t c = 0; c < layout.chunks(); ++c) {
    std::int64_t const first = c * quant_chunk;
    auto* const codes = reinterpret_cast<std::int16_t*>(to) + first;
    ChunkCodes chunk;
    if (first + quant_chunk <= in) {
      chunk = quantize_chunk(x + first, codes);
    } else {
      float padded[quant_chunk] = {};
      std::copy_n(x + first, in - first, padded);
      chunk = quantize_chunk(padded, codes);
    }
    std::memcpy(to + layout.scales_at() + c * 4, &chunk.scale, 4);
    std::memcpy(to + layout.sums_at() + c * 4, &chunk.sum, 4);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
