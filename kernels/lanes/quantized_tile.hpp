// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/lanes/chunk_products.hpp"
#include "kernels/lanes/quantized_rows.hpp"
#include "kernels/lanes/segments.hpp"

/// \file
/// The micro-kernel of quantised matmuls: Rows x 16 sums, of integers inside a chunk.

namespace talus::kernels::TALUS_TARGET {

/// Rows of x, quantised.
struct CodeRows {
  std::byte const* data = nullptr;
  RowLayout layout;

  [[gnu::always_inline]] std::byte const* codes(int row, std::int64_t chunk) const {
    return data + row * layout.bytes() + chunk * quant_chunk;
  }

  [[gnu::always_inline]] float scale(int row, std::int64_t chunk) const {
    float scale = 0.0F;
    std::memcpy(&scale, data + row * layout.bytes() + layout.scales_at() + chunk * 4, 4);
    return scale;
  }

  /// In all lanes.
  [[gnu::always_inline]] NativeInts offset(int row, std::int64_t chunk) const {
    return broadcast_word(data + row * layout.bytes() + layout.offsets_at() + chunk * 4);
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

  GroupHeader() = default;

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
      for (int p = 0; p < native_parts; ++p) {
        zeros.part[p] = widen_codes(from + scale_bytes + p * native_lanes);
      }
    }
  }
};

/// Calls body(chunk, codes, headers) for the chunks of a segment in order: `codes` are the first of
/// `Panels` panels from `panel` on, the others' follow at layout.panel_bytes(); headers are all
/// panels'.
template <int Panels, class Body>
[[gnu::always_inline]] inline void for_each_chunk(PackedWeights const& w,
                                                  CodeLayout const& layout,
                                                  std::int64_t panel,
                                                  Segment const& segment,
                                                  Body const& body) {
  if (segment.first == segment.last) {
    return;
  }
  std::int64_t const panel_bytes = layout.panel_bytes();
  std::byte const* const panels = w.data() + panel * panel_bytes;
  std::int64_t chunk = segment.first / quant_chunk;
  std::int64_t const last = (segment.last + quant_chunk - 1) / quant_chunk;
  std::int64_t group = layout.group_of(chunk);
  std::byte const* header = panels + layout.header_at(group);
  std::byte const* codes = panels + layout.codes_at(chunk);
  while (chunk < last) {
    GroupHeader headers[static_cast<unsigned>(Panels)];
    unrolled<Panels>([&](auto p) __attribute__((always_inline)) {
      headers[p] = GroupHeader{header + p * panel_bytes, *w.codes(), layout.scale_bytes()};
    });
    std::int64_t const end = std::min(last, layout.end_of(group));
    for (; chunk < end; ++chunk) {
      body(chunk, codes, headers);
      codes += layout.chunk_bytes();
    }
    header = codes;
    codes += layout.header_bytes();
    ++group;
  }
}

/// Panels that few rows are multiplied with side by side: so many streams keep the processor's
/// prefetching busy, where one does not.
[[nodiscard]] constexpr int streamed_panels(int rows) {
  return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}

/// Panels x Rows x 16 sums.
template <QuantKind Kind, int Rows, int Panels>
struct CodeTile {
  Lanes sums[static_cast<unsigned>(Panels)][static_cast<unsigned>(Rows)];

  /// Adds the products of one chunk of panel `panel`.
  [[gnu::always_inline]] void add_chunk(int panel,
                                        CodeRows const& x,
                                        std::int64_t chunk,
                                        std::byte const* codes,
                                        GroupHeader const& header,
                                        bool has_zeros) {
    std::byte const* left[static_cast<unsigned>(Rows)];
    unrolled<Rows>([&](auto row)
                       __attribute__((always_inline)) { left[row] = x.codes(row, chunk); });
    auto const start_of = [&](int row, int part) __attribute__((always_inline)) {
      NativeInts const offset = x.offset(row, chunk);
      return has_zeros ? header.zeros.part[part] * offset : offset;
    };
    ChunkProducts<Kind, Rows> const products{left, codes, start_of};
    unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
      NativeFloats const scale = native_broadcast(x.scale(row, chunk));
      unrolled<native_parts>([&](auto p) __attribute__((always_inline)) {
        NativeFloats& sum = sums[panel][row].part[p];
        sum = multiply_add(__builtin_convertvector(products.total(row, p, start_of), NativeFloats),
                           header.scales.part[p] * scale,
                           sum);
      });
    });
  }
};

/// older = older + newer.
template <QuantKind Kind, int Rows, int Panels>
void fold(CodeTile<Kind, Rows, Panels>& older, CodeTile<Kind, Rows, Panels> const& newer) {
  for (int p = 0; p < Panels; ++p) {
    for (int r = 0; r < Rows; ++r) {
      older.sums[p][r] = older.sums[p][r] + newer.sums[p][r];
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
