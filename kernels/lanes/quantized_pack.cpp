// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/stored_scale.hpp"
#include "kernels/lanes/code_layout.hpp"
#include "kernels/lanes/quantized_functions.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

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
  detail::store_scale(
      storage.scales, is_doubled ? rows.scales[at] * 0.5F : rows.scales[at], header, lane);
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
