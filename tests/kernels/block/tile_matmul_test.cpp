// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <set>
#include <utility>

#include "kernels/block/tile_launch.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

namespace {

constexpr TileChoice all_choices[] = {
    TileChoice::few, TileChoice::some, TileChoice::more, TileChoice::more_wide, TileChoice::many};

/// bfloat16 in rows of a stride, in memory of 16 bytes' alignment, with NaN between the rows.
struct Weights {
  Weights(std::int64_t outputs, std::int64_t inputs, std::int64_t row_stride, unsigned seed)
      : stride{row_stride}, data{on_cuda, outputs * row_stride} {
    std::fill_n(data.data(), data.size(), std::uint16_t{0x7FC0});
    Matrix const values = random_matrix(outputs, inputs, seed);
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        data.data()[o * stride + i] = float_to_bf16(values.at(o, i));
      }
    }
  }

  std::int64_t stride;
  Buffer<std::uint16_t> data;
};

/// Rows of a stride, likewise.
struct Rows {
  Rows(Matrix const& values, std::int64_t row_stride)
      : stride{row_stride}, data{on_cuda, values.rows * row_stride} {
    std::fill_n(data.data(), data.size(), NAN);
    for (std::int64_t t = 0; t < values.rows; ++t) {
      for (std::int64_t i = 0; i < values.cols; ++i) {
        data.data()[t * stride + i] = values.at(t, i);
      }
    }
  }

  std::int64_t stride;
  Buffer<float> data;
};

struct Product {
  std::int64_t rows = 1;
  std::int64_t outputs = 1;
  std::int64_t inputs = 1;
  std::int64_t strides = 1;  ///< rows begin at multiples of so many elements

  [[nodiscard]] Weights weights() const { return {outputs, inputs, round_up(inputs, strides), 1}; }

  [[nodiscard]] Matrix input() const { return random_matrix(rows, inputs, 2); }

  /// Of the emulated tensor cores, by the tiles of `choice`.
  [[nodiscard]] Matrix run(TileChoice choice,
                           emulation::Schedule schedule = {emulation::Schedule::Order::random,
                                                           3}) const {
    emulation::EmulatedDevice device{schedule};
    Weights const w = weights();
    Rows const x{input(), round_up(inputs, strides)};
    Matrix y{rows, outputs};
    MatrixView<float const> const view{x.data.data(), rows, inputs, x.stride};
    TileProduct const product{view, {w.data.data(), outputs, inputs, w.stride}, y.view()};
    run_tiles(device, choice, view, {{&product, 1}});
    return y;
  }

  /// In the order that the kernel has, and the emulation's of an instruction.
  [[nodiscard]] Matrix wanted() const {
    Weights const w = weights();
    Matrix const x = input();
    Matrix y{rows, outputs};
    for (std::int64_t t = 0; t < rows; ++t) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        float sum = 0.0F;
        for (std::int64_t first = 0; first < inputs; first += part_inputs) {
          float part = 0.0F;
          for (std::int64_t i = first; i < std::min(first + part_inputs, inputs); ++i) {
            float const input = bf16_to_float(float_to_bf16(x.at(t, i)));
            part = std::fma(bf16_to_float(w.data.data()[o * w.stride + i]), input, part);
          }
          sum += part;
        }
        y.at(t, o) = sum;
      }
    }
    return y;
  }
};

}  // namespace

TEST_CASE("tiles of every shape give the same bits, at every boundary of rows and outputs") {
  std::int64_t const strides = GENERATE(1, 8);
  for (std::int64_t const rows : {1, 8, 9, 33, 64, 65, 130}) {
    for (std::int64_t const outputs : {1, 33, 129}) {
      Product const product{rows, outputs, 70, strides};
      Matrix const wanted = product.wanted();
      for (TileChoice const choice : all_choices) {
        INFO("rows " << rows << ", outputs " << outputs << ", tiles " << static_cast<int>(choice));
        REQUIRE(product.run(choice) == wanted);
      }
    }
  }
}

TEST_CASE("parts of a long sum are joined in order, whichever warps sum them") {
  std::int64_t const inputs = GENERATE(0, 1, 63, 65, 512, 513, 1031, 2100);
  std::int64_t const strides = GENERATE(1, 8);
  Product const product{3, 20, inputs, strides};
  Matrix const wanted = product.wanted();

  for (TileChoice const choice : all_choices) {
    INFO("inputs " << inputs << ", tiles " << static_cast<int>(choice));
    CHECK(product.run(choice) == wanted);
  }
}

TEST_CASE("parts of a sum over leaves are folded as the tree says, whichever warps sum them") {
  std::int32_t const leaves = GENERATE(1, 5, 8, 33);
  std::int32_t const leaf_inputs = GENERATE(8, 24, 600);
  SumTree const tree{leaves};
  std::int64_t const inputs = std::int64_t{leaves} * leaf_inputs - 5;
  if (inputs > 6000) {
    return;  // nothing new, and slow
  }
  std::int64_t const rows = GENERATE(3, 70);
  Product const whole{rows, 20, inputs, 8};
  Weights const w = whole.weights();
  Rows const x{whole.input(), w.stride};
  std::vector<std::int32_t> boundaries = {0};
  for (std::int32_t leaf = 1; leaf < leaves; ++leaf) {
    boundaries.push_back(leaf * leaf_inputs);
  }
  boundaries.push_back(static_cast<std::int32_t>(inputs));
  auto const nodes = tree.nodes_of({0, leaves});
  LeafPartition const partition{&tree, {0, leaves}, boundaries};
  MatrixView<float const> const view{x.data.data(), rows, inputs, x.stride};

  // Each leaf as a product of its own, whose sums are folded here.
  std::vector<Matrix> stack;
  for (std::int32_t leaf = 0; leaf < leaves; ++leaf) {
    auto const i = static_cast<std::size_t>(leaf);
    std::int64_t const count = boundaries[i + 1] - boundaries[i];
    Matrix y{rows, 20};
    TileProduct const product{columns_of(view, boundaries[i], count),
                              {w.data.data() + boundaries[i], 20, count, w.stride},
                              y.view()};
    emulation::EmulatedDevice device;
    run_tiles(device, TileChoice::few, view, {{&product, 1}});
    for (std::int32_t fold = tree.folds_after({leaf, leaf + 1}, 0); fold > 0; --fold) {
      for (std::int64_t t = 0; t < rows; ++t) {
        for (std::int64_t o = 0; o < 20; ++o) {
          y.at(t, o) = stack.back().at(t, o) + y.at(t, o);
        }
      }
      stack.pop_back();
    }
    stack.push_back(y);
  }
  REQUIRE(stack.size() == 1);

  for (TileChoice const choice : all_choices) {
    emulation::EmulatedDevice device{{emulation::Schedule::Order::random, 5}};
    Matrix y{rows, 20};
    MatrixView<float> const partial = y.view();
    TileProduct const product{view, {w.data.data(), 20, inputs, w.stride}, partial};
    TileSums const sums{parts_of_leaves({partition, nodes}), {&partial, 1}};
    run_tiles(device, choice, view, {{&product, 1}}, sums);
    INFO("leaves " << leaves << " of " << leaf_inputs << ", tiles " << static_cast<int>(choice));
    CHECK(y == stack.front());
  }
}

TEST_CASE("a plan of leaves has each input once, in parts that a stack can take") {
  SumTree const tree{256};
  std::vector<std::int32_t> boundaries;
  for (std::int32_t i = 0; i <= 256; ++i) {
    boundaries.push_back(i * 700 / 3);
  }
  boundaries[200] = boundaries[199];  // a leaf without inputs
  auto const nodes = tree.nodes_of({0, 256});
  LeafPartition const partition{&tree, {0, 256}, boundaries};

  std::int64_t next = 0;
  int depth = 0;
  int deepest = 0;
  for (TilePart const& part : parts_of_leaves({partition, nodes})) {
    REQUIRE(part.first == next);
    REQUIRE((part.count >= 0 && part.count <= part_inputs));
    next += part.count;
    depth += 1 - part.folds;
    REQUIRE(depth > 0);
    deepest = std::max(deepest, depth);
  }
  CHECK(next == boundaries.back());
  CHECK(depth == 1);
  CHECK(deepest <= leaf_depth);
}

TEST_CASE("tiles have the same bits by every schedule") {
  Product const product{11, 40, 1100, 8};
  Matrix const wanted = product.wanted();
  for (auto const schedule : other_schedules()) {
    for (TileChoice const choice : all_choices) {
      CHECK(product.run(choice, schedule) == wanted);
    }
  }
}

TEST_CASE("a grid of tiles has each once") {
  for (std::int64_t const row_tiles : {1, 7, 8, 9, 16, 21}) {
    for (std::int64_t const output_tiles : {1, 3, 10}) {
      TileGrid const grid{row_tiles, output_tiles};
      std::set<std::pair<std::int64_t, std::int64_t>> seen;
      for (std::int64_t i = 0; i < grid.size(); ++i) {
        auto const tile = grid.tile(i);
        REQUIRE((tile.row >= 0 && tile.row < row_tiles));
        REQUIRE((tile.output >= 0 && tile.output < output_tiles));
        seen.insert({tile.row, tile.output});
      }
      CHECK(std::ssize(seen) == grid.size());
    }
  }
  CHECK(TileGrid{20, 5}.tile(8) == TileGrid::Tile{0, 1});
  CHECK(TileGrid{20, 5}.tile(40) == TileGrid::Tile{8, 0});
  CHECK(TileGrid{20, 5}.tile(84) == TileGrid::Tile{16, 1});
}

TEST_CASE("tiles are chosen by rows, and wide ones where they keep a GPU busy") {
  CHECK(choose_tiles(1, 4096, 1) == TileChoice::few);
  CHECK(choose_tiles(8, 4096, 1) == TileChoice::few);
  CHECK(choose_tiles(9, 4096, 1) == TileChoice::some);
  CHECK(choose_tiles(64, 4096, 1) == TileChoice::more);
  CHECK(choose_tiles(64, 28672, 1) == TileChoice::more_wide);
  CHECK(choose_tiles(64, 4096, 8) == TileChoice::more_wide);
  CHECK(choose_tiles(65, 4096, 1) == TileChoice::many);
}

TEST_CASE("fragments have each element of their matrices once") {
  std::set<std::tuple<int, int, int>> left;
  std::set<std::tuple<int, int, int>> right;
  std::set<std::pair<int, int>> sums;
  for (int i = 0; i < fragment_inputs; ++i) {
    for (int o = 0; o < fragment_outputs; ++o) {
      FragmentPlace const place = left_place(o, i);
      left.insert({place.lane, place.number, place.half});
    }
    for (int t = 0; t < fragment_rows; ++t) {
      FragmentPlace const place = right_place(i, t);
      right.insert({place.lane, place.number, place.half});
    }
  }
  for (int lane = 0; lane < warp_size; ++lane) {
    for (int k = 0; k < 4; ++k) {
      sums.insert({sum_output(lane, k), sum_row(lane, k)});
    }
  }

  CHECK(left.size() == 256);
  CHECK(right.size() == 128);
  CHECK(sums.size() == 128);
  // Spot checks against the figures of the PTX ISA: a6 of lane 5, b3 of lane 6, c3 of lane 7.
  CHECK(left_place(9, 10) == FragmentPlace{5, 3, 0});
  CHECK(right_place(13, 1) == FragmentPlace{6, 1, 1});
  CHECK(std::pair{sum_output(7, 3), sum_row(7, 3)} == std::pair{9, 7});
}
