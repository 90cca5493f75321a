// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstring>

#include "kernels/lanes/code_layout.hpp"
#include "kernels/lanes/quantized_functions.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// float16 of a value that is exactly one.
std::uint16_t exact_half(float value) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t const sign = (bits >> 16U) & 0x8000U;
  std::uint32_t const exponent = (bits >> 23U) & 0xFFU;
  if (exponent < 113U) {
    float const units = (sign != 0U ? -value : value) * 0x1p24F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(units));
  }
  return static_cast<std::uint16_t>(sign | ((exponent - 112U) << 10U) | ((bits >> 13U) & 0x3FFU));
}

void store_scale(DType type, float scale, std::int64_t lane, std::byte* header) {
  if (type == DType::f32) {
    std::memcpy(header + lane * 4, &scale, 4);
    return;
  }
  std::uint16_t const bits =
      type == DType::bf16 ? static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(scale) >> 16U)
                          : exact_half(scale);
  std::memcpy(header + lane * 2, &bits, 2);
}

/// A code as it is stored: an integer without a sign.
std::byte stored(QuantKind kind, std::uint8_t code) {
  return static_cast<std::byte>(kind == QuantKind::int8 ? code ^ 0x80U : code);
}

/// The code of input `i` of a chunk for one output.
void store_code(
    QuantKind kind, std::uint8_t code, std::int64_t i, std::int64_t lane, std::byte* codes) {
  std::int64_t const block = i / four;
  std::int64_t const element = lane * four + i % four;
  if (has_bytes(kind)) {
    codes[block * block_codes + element] = stored(kind, code);
    return;
  }
  std::byte& byte = codes[block / 2 * block_codes + element];
  auto const shift = static_cast<int>(block % 2 * 4);
  byte = (byte & ~(std::byte{0xF} << shift)) | (stored(kind, code) << shift);
}

/// Columns of one row that lie in one chunk.
struct ChunkPart {
  std::int64_t row = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

void pack_part(CodeStore const& store,
               QuantRows const& rows,
               ChunkPart const& part,
               std::int64_t lane,
               std::byte* codes,
               std::int64_t first_input) {
  std::uint8_t const* const from = rows.codes + part.row * rows.code_stride;
  for (std::int64_t i = part.first; i < part.last; ++i) {
    store_code(store.storage.format.kind, from[i], first_input + i - part.first, lane, codes);
  }
}

void pack_header(CodeStore const& store,
                 QuantRows const& rows,
                 ChunkPart const& part,
                 std::int64_t lane,
                 std::byte* header) {
  QuantStorage const& storage = store.storage;
  std::int64_t const at = rows.scale_index(part.row, part.first);
  bool const is_doubled = storage.format.kind == QuantKind::mxfp4;
  store_scale(storage.scales, is_doubled ? rows.scales[at] * 0.5F : rows.scales[at], lane, header);
  if (storage.format.zero_points) {
    header[size_of(storage.scales) * num_lanes + lane] =
        stored(storage.format.kind, rows.zeros[at]);
  }
}

}  // namespace

std::int64_t bytes_of_codes(std::int64_t out, std::int64_t in, QuantStorage const& storage) {
  return (out + num_lanes - 1) / num_lanes * CodeLayout{storage, in}.panel_bytes();
}

void pack_codes(CodeStore const& store, MatrixOrigin origin, QuantRows const& rows) {
  CodeLayout const layout{store.storage, store.in};
  for (std::int64_t o = 0; o < rows.rows; ++o) {
    std::int64_t const output = origin.row + o;
    std::int64_t const lane = output % num_lanes;
    std::byte* const panel = store.data + output / num_lanes * layout.panel_bytes();
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < rows.cols; i = last) {
      std::int64_t const input = origin.col + i;
      std::int64_t const chunk = input / quant_chunk;
      last = std::min(rows.cols, (chunk + 1) * quant_chunk - origin.col);
      ChunkPart const part{o, i, last};
      pack_header(store, rows, part, lane, panel + layout.header_at(layout.group_of(chunk)));
      pack_part(store, rows, part, lane, panel + layout.codes_at(chunk), input % quant_chunk);
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
