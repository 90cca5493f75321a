// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_product.hpp"
#include "kernels/lanes/quantized_tile.hpp"
#include "kernels/lanes/segment_walk.hpp"
#include "kernels/x86/tile_registers.hpp"
#include "kernels/x86/tile_sums.hpp"

/// \file
/// lanes/quantized_product.hpp with the tile registers of AMX: the integers of a chunk are summed
/// in a tile, then scaled and added in lanes as everywhere else, so that the bits are the same.

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Fewer rows leave most of a tile empty.
constexpr std::int64_t least_rows = 8;

using TileIntegers = std::int32_t[tile_rows][tile_outputs];

constexpr std::int64_t chunk_codes = chunk_fours * block_codes;

/// What a pass over some panels works on.
struct CodePass {
  CodeProduct const& product;
  CodeLayout layout;
  RowTile rows;
  CodeRows x;  ///< from the pass's first row on
  std::int64_t panel = 0;
};

/// Weights are in tiles 6 and 7.
template <int Halves, int Panels>
TileShapes shapes_of(RowTile const& rows) {
  TileShapes shapes = shapes_without_weights<Halves, Panels>(rows);
  for (int half = 0; half < Halves; ++half) {
    shapes.row_bytes[4 + half] = static_cast<std::uint8_t>(quant_chunk);
  }
  for (int p = 0; p < Panels; ++p) {
    shapes.rows[6 + p] = static_cast<std::uint8_t>(chunk_fours);
  }
  return shapes;
}

/// A chunk's codes, a byte each: where they are, or unpacked to `room`.
template <QuantKind Kind>
std::byte const* bytes_of(std::byte const* codes, [[maybe_unused]] std::byte* room) {
  if constexpr (has_bytes(Kind)) {
    return codes;
  } else {
    constexpr int vector = native_lanes * four;
    constexpr int fours = block_fours(Kind);
    for (int block = 0; block < chunk_fours / fours; ++block) {
      for (int p = 0; p < native_parts; ++p) {
        NativeCodes const packed = load_codes(codes + block * block_codes + p * vector);
        for (int index = 0; index < fours; ++index) {
          NativeCodes const bytes = codes_of<Kind>(packed, index);
          std::memcpy(
              room + (block * fours + index) * block_codes + p * vector, &bytes, sizeof bytes);
        }
      }
    }
    return room;
  }
}

template <QuantKind Kind, int Halves, int Panels>
void multiply_chunk(TileRegisters& tiles,
                    CodePass const& pass,
                    std::int64_t chunk,
                    std::byte const* codes,
                    TileIntegers* integers) {
  alignas(64) std::byte room[std::size_t{Panels}][chunk_codes];
  std::int64_t const stride = pass.x.layout.bytes();
  unrolled<Halves>([&](auto half) {
    tiles.template load<4 + half()>(pass.x.codes(half * static_cast<int>(tile_rows), chunk),
                                    stride);
  });
  unrolled<Panels>([&](auto p) {
    std::byte const* const panel = codes + p * pass.layout.panel_bytes();
    tiles.template load<6 + p()>(bytes_of<Kind>(panel, room[p]), block_codes);
    unrolled<Halves>([&](auto half) {
      constexpr int sums = half() * Panels + p();
      tiles.template zero<sums>();
      tiles.template multiply_bytes<sums, 4 + half(), 6 + p()>();
      tiles.template store<sums>(integers[sums], sizeof integers[sums][0]);
    });
  });
}

/// Adds what a chunk's integers stand for.
void add_scaled(CodePass const& pass,
                int half,
                std::int64_t chunk,
                GroupHeader const& header,
                TileIntegers const& integers,
                TileSums& sums) {
  bool const has_zeros = pass.product.w->codes()->format.zero_points;
  for (int r = 0; r < static_cast<int>(pass.rows.rows_of(half)); ++r) {
    int const row = half * static_cast<int>(tile_rows) + r;
    NativeInts const offset = pass.x.offset(row, chunk);
    NativeFloats const scale = native_broadcast(pass.x.scale(row, chunk));
    Lanes sum = load(sums[r]);
    for (int p = 0; p < native_parts; ++p) {
      NativeInts total;
      std::memcpy(&total, integers[r] + p * native_lanes, sizeof total);
      total += has_zeros ? header.zeros.part[p] * offset : offset;
      sum.part[p] = multiply_add(
          __builtin_convertvector(total, NativeFloats), header.scales.part[p] * scale, sum.part[p]);
    }
    store(sums[r], sum);
  }
}

template <QuantKind Kind, int Halves, int Panels>
void accumulate(TileRegisters& tiles,
                CodePass const& pass,
                Segment const& segment,
                PassSums<Halves, Panels>& sums) {
  sums = {};
  for_each_chunk<Panels>(
      *pass.product.w,
      pass.layout,
      pass.panel,
      segment,
      [&](std::int64_t chunk, std::byte const* codes, auto const& headers) {
        alignas(64) TileIntegers integers[std::size_t{Halves * Panels}];
        multiply_chunk<Kind, Halves, Panels>(tiles, pass, chunk, codes, integers);
        for (int half = 0; half < Halves; ++half) {
          for (int p = 0; p < Panels; ++p) {
            int const tile = half * Panels + p;
            add_scaled(pass, half, chunk, headers[p], integers[tile], sums.tiles[tile]);
          }
        }
      });
}

/// All segments of the sums of up to two tiles of rows and two panels.
template <QuantKind Kind, int Halves, int Panels>
void multiply_pass(TileRegisters& tiles, CodePass const& pass) {
  tiles.configure(shapes_of<Halves, Panels>(pass.rows));
  sum_segments<PassSums<Halves, Panels>>(
      pass.product,
      [&](Segment const& segment, auto& sums) { accumulate<Kind>(tiles, pass, segment, sums); },
      [&](auto const& sums, MatrixView<float> y) {
        store_results({pass.rows, pass.panel, pass.product.row_offset}, sums, y);
      });
}

template <QuantKind Kind, int Halves>
void multiply_panels(TileRegisters& tiles, CodePass pass, std::int64_t last_panel) {
  for (; pass.panel + 2 <= last_panel; pass.panel += 2) {
    multiply_pass<Kind, Halves, 2>(tiles, pass);
  }
  if (pass.panel < last_panel) {
    multiply_pass<Kind, Halves, 1>(tiles, pass);
  }
}

template <QuantKind Kind>
void multiply_rows(CodeProduct const& product, std::int64_t first_panel, std::int64_t last_panel) {
  TileRegisters tiles;
  RowLayout const layout{product.w->in()};
  for (std::int64_t first = 0; first < product.x.rows; first += max_rows) {
    RowTile const rows{first / max_rows, product.x.rows};
    CodePass const pass{product,
                        CodeLayout{*product.w->codes(), product.w->in()},
                        rows,
                        {product.rows + first * layout.bytes(), layout},
                        first_panel};
    if (rows.rows_of(1) > 0) {
      multiply_panels<Kind, 2>(tiles, pass, last_panel);
    } else {
      multiply_panels<Kind, 1>(tiles, pass, last_panel);
    }
  }
}

}  // namespace

void multiply_codes(CodeProduct const& product, std::int64_t first_panel, std::int64_t last_panel) {
  if (product.x.rows < least_rows) {
    return multiply_in_lanes(product, first_panel, last_panel);
  }
  switch (product.w->codes()->format.kind) {
    case QuantKind::int8:
      return multiply_rows<QuantKind::int8>(product, first_panel, last_panel);
    case QuantKind::int4:
      return multiply_rows<QuantKind::int4>(product, first_panel, last_panel);
    case QuantKind::mxfp4:
      return multiply_rows<QuantKind::mxfp4>(product, first_panel, last_panel);
    case QuantKind::fp8_e4m3:
      return;  // see lanes/float_codes.hpp
  }
}

}  // namespace talus::kernels::TALUS_TARGET
