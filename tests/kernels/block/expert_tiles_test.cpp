// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/expert_tiles.hpp"

#include <numeric>
#include <string>

#include "kernels/matmul.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// Finds the tile of each block.
struct FindTiles {
  static constexpr char const* name = "talus::kernels::find_tiles";

  GlobalSpan<std::int32_t const> offsets;
  int tile_rows = 1;
  GlobalSpan<ExpertTile> found;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    ExpertTile const tile =
        find_tile(block, offsets, static_cast<std::int32_t>(block.block_index().x), tile_rows);
    if (block.thread_index() == 0) {
      block.store(found, block.block_index().x, tile);
    }
  }
};

std::vector<ExpertTile> found_tiles(std::vector<std::int32_t> const& offsets,
                                    int tile_rows,
                                    std::int64_t count) {
  emulation::EmulatedDevice device;
  std::vector<ExpertTile> tiles(static_cast<std::size_t>(count));
  device.launch({{count}, 2 * warp_size},
                FindTiles{{offsets.data(), std::ssize(offsets)}, tile_rows, {tiles.data(), count}});
  return tiles;
}

/// Expert after expert, and behind them none.
std::vector<ExpertTile> wanted_tiles(std::vector<std::int32_t> const& offsets,
                                     int tile_rows,
                                     std::int64_t count) {
  std::vector<ExpertTile> tiles;
  for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
    std::int32_t const rows = offsets[e + 1] - offsets[e];
    for (std::int32_t first = 0; first < rows; first += tile_rows) {
      tiles.push_back({static_cast<std::int32_t>(e), offsets[e] + first, offsets[e + 1]});
    }
  }
  REQUIRE(std::ssize(tiles) <= count);
  tiles.resize(static_cast<std::size_t>(count));
  return tiles;
}

std::vector<std::int32_t> offsets_of(std::vector<std::int32_t> const& rows) {
  std::vector<std::int32_t> offsets(rows.size() + 1, 0);
  std::inclusive_scan(rows.begin(), rows.end(), offsets.begin() + 1);
  return offsets;
}

/// Rows of so many experts: none, all to one, one each, or as chance has it.
std::vector<std::int32_t> some_rows(std::size_t experts, int kind) {
  std::vector<std::int32_t> rows(experts, kind == 2 ? 1 : 0);
  std::mt19937 engine{static_cast<unsigned>(experts)};
  if (kind == 1) {
    rows[experts * 2 / 3] = 100;
  }
  for (std::size_t e = 0; kind == 3 && e < experts; ++e) {
    rows[e] = static_cast<std::int32_t>(engine() % 4 * (engine() % 12));
  }
  return rows;
}

PackedWeights packed(std::string const& format, unsigned seed) {
  Matrix const values = random_matrix(40, 64, seed);
  if (format == "float32" || format == "bfloat16") {
    return pack(on_cuda, values, format == "float32" ? DType::f32 : DType::bf16);
  }
  bool const is_made = format == "int8" || format == "int4-g32";
  QuantFormat const kind = is_made             ? parse_quant_format(format, "")
                           : format == "mxfp4" ? QuantFormat{QuantKind::mxfp4, 32, false, 1}
                                               : QuantFormat{QuantKind::fp8_e4m3, 0, false, 1};
  QuantizedMatrix codes{kind, 40, 64, {}, {}, {}};
  if (is_made) {
    codes = quantize(values.view(), kind);
  } else {
    std::mt19937 engine{seed};
    codes.codes.resize(40 * 64);
    codes.scales.assign(static_cast<std::size_t>(40 * groups_of(kind, 64)), 0.5F);
    std::ranges::generate(codes.codes, [&] { return static_cast<std::uint8_t>(engine() % 16); });
  }
  PackedWeights weights{on_cuda, 40, 64, {kind, DType::f32, 0}};
  weights.set(on_cuda, {}, codes.view());
  return weights;
}

}  // namespace

TEST_CASE("each block finds the tile of its number, and those beyond the last one none") {
  std::size_t const experts = GENERATE(1U, 2U, 31U, 32U, 33U, 70U, 257U);
  int const tile_rows = GENERATE(1, 4, 8, 33);
  for (int kind = 0; kind < 4; ++kind) {
    std::vector<std::int32_t> const offsets = offsets_of(some_rows(experts, kind));
    std::int64_t const most =
        most_tiles(offsets.back(), static_cast<std::int64_t>(experts), tile_rows);
    INFO(experts << " experts, tiles of " << tile_rows << " rows, kind " << kind);
    REQUIRE(found_tiles(offsets, tile_rows, most + 3) ==
            wanted_tiles(offsets, tile_rows, most + 3));
  }
}

TEST_CASE("no more tiles are launched than some offsets need") {
  CHECK(most_tiles(0, 8, 16) == 0);
  CHECK(most_tiles(1, 8, 16) == 1);
  CHECK(most_tiles(8, 256, 16) == 8);
  CHECK(most_tiles(17, 8, 16) == 8);
  CHECK(most_tiles(24, 8, 16) == 9);  // one expert with 17 rows, the others with one each
  CHECK(usual_rows(0, 8) == 0);
  CHECK(usual_rows(3, 8) == 1);
  CHECK(usual_rows(17, 8) == 3);
}

TEST_CASE("experts' rows have the bits of a product of their own, however they are shared out") {
  std::string const format = GENERATE("float32", "bfloat16", "int8", "int4-g32", "mxfp4", "fp8");
  std::size_t const num_experts = GENERATE(3U, 37U);
  int const kind = GENERATE(0, 1, 2, 3);
  std::vector<PackedWeights> experts;
  for (std::size_t e = 0; e < num_experts; ++e) {
    experts.push_back(packed(format, static_cast<unsigned>(e)));
  }
  std::vector<std::int32_t> const offsets = offsets_of(some_rows(num_experts, kind));
  Matrix const x = random_matrix(offsets.back(), 64, 5);
  Matrix wanted{offsets.back(), 40};
  for (std::size_t e = 0; e < num_experts; ++e) {
    std::int64_t const rows = offsets[e + 1] - offsets[e];
    matmul(on_cuda, x.part(offsets[e], rows), experts[e], wanted.part(offsets[e], rows));
  }
  auto const run = [&] {
    Matrix y{offsets.back(), 40};
    grouped_matmul(on_cuda, x.view(), offsets, experts, y.view());
    return y;
  };

  CHECK(run() == wanted);
  if (num_experts == 3 && offsets.back() > 0) {
    check_schedules(wanted, run);
  }
}
