// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_layout.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/math.hpp"

namespace talus::kernels::block {

/// What the warps of a block leave to each other of a round of chunks, in shared memory: each
/// chunk's products, its outputs' scales and its rows'. Then each thread adds the chunks, in order,
/// to sums of its own: of one output and row where there are 8 rows, of two rows where there are
/// 16, of two outputs and two rows where there are 32.
template <int Rows>
struct CodeRound {
  static constexpr int num_warps = 8;
  static constexpr int warp_chunks = Rows == fragment_rows ? 2 : 1;
  static constexpr int size = num_warps * warp_chunks;  ///< chunks
  /// Rounds that have room: where there is one, all threads have added it before the next begins.
  static constexpr int turns = Rows > 16 ? 1 : 2;
  static constexpr int outputs = CodeLayout::panel_outputs;
  static constexpr int lefts = outputs / fragment_outputs;
  static constexpr int rights = Rows / fragment_rows;
  static constexpr int num_sums = rights;  ///< of a thread
  static constexpr int sum_outputs = num_sums == 4 ? 2 : 1;
  static constexpr int sum_rows = num_sums == 1 ? 1 : 2;
  static_assert(lefts * rights * 4 == num_warps * num_sums);
  static constexpr int vector = warp_chunks * num_sums;  ///< products that are read at once
  static constexpr int num_products = turns * num_warps * num_warps * warp_size * vector;
  static constexpr int quad_chunks = 4;  ///< whose scales are read at once
  /// From one output's or row's scales to the next's: so that they meet in no bank.
  static constexpr int stride = size + quad_chunks;

  using Products =
      IntegerFragment[std::size_t{warp_chunks}][std::size_t{lefts}][std::size_t{rights}];

  /// Scales, and what is subtracted for zero points: outputs' or rows' of a chunk, by lanes.
  struct Scales {
    float scales[std::size_t{warp_chunks}] = {};
    std::int32_t counts[std::size_t{warp_chunks}] = {};  ///< zero points, or sums of integers
  };

  /// Of outputs or of rows.
  struct ScaleSpan {
    SharedSpan<float> scales;         ///< [turns, outputs or rows, stride]
    SharedSpan<std::int32_t> counts;  ///< likewise
  };

  SharedSpan<std::int32_t> products;  ///< [turns, warps, vectors, lanes, vector]
  ScaleSpan of_outputs;
  ScaleSpan of_rows;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::int32_t>(num_products) +
           2 * shared_bytes_of<float>(turns * outputs * stride) +
           2 * shared_bytes_of<float>(turns * Rows * stride);
  }

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE CodeRound make(Block& block) {
    return {shared_array<std::int32_t>(block, num_products),
            {shared_array<float>(block, turns * outputs * stride),
             shared_array<std::int32_t>(block, turns * outputs * stride)},
            {shared_array<float>(block, turns * Rows * stride),
             shared_array<std::int32_t>(block, turns * Rows * stride)}};
  }

  /// Leaves the products of this warp's chunks, which begin with those of its number.
  template <class Block>
  TALUS_DEVICE void put(Block& block, int turn, Products const& own) const {
    TALUS_UNROLL
    for (int number = 0; number < num_warps; ++number) {
      Vector<std::int32_t, vector> values;
      TALUS_UNROLL
      for (int i = 0; i < vector; ++i) {
        int const sum = number * num_sums + i % num_sums;
        values[i] = own[i / num_sums][sum / (4 * rights)][sum / 4 % rights][sum % 4];
      }
      int const warp = block.thread_index() / warp_size;
      block.store(products, place(block, turn, warp, number), values);
    }
  }

  /// Leaves the scales of this warp's chunks, of a lane's output or row.
  template <class Block>
  TALUS_DEVICE void put(
      Block& block, ScaleSpan const& span, int place, Scales const& own, bool has_counts) const {
    int const first = place * stride + block.thread_index() / warp_size * warp_chunks;
    TALUS_UNROLL
    for (int c = 0; c < warp_chunks; ++c) {
      block.store(span.scales, first + c, own.scales[c]);
      if (has_counts) {
        block.store(span.counts, first + c, own.counts[c]);
      }
    }
  }

  /// Which output of the panel a thread's sum is of.
  [[nodiscard]] static TALUS_DEVICE int output_of(int thread, int sum) {
    int const all = thread / warp_size * num_sums + sum;
    return all / (4 * rights) * fragment_outputs + sum_output(thread % warp_size, all % 4);
  }

  /// Which row of the tile.
  [[nodiscard]] static TALUS_DEVICE int row_of(int thread, int sum) {
    int const all = thread / warp_size * num_sums + sum;
    return all / 4 % rights * fragment_rows + sum_row(thread % warp_size, all % 4);
  }

  /// Adds all chunks of the round, in order, to this thread's sums.
  template <bool HasZeros, class Block>
  TALUS_DEVICE void add(Block& block,
                        int turn,
                        float base,
                        float (&sums)[std::size_t{num_sums}]) const {
    TALUS_UNROLL
    for (int first = 0; first < size; first += quad_chunks) {
      Quads const quads = load_quads<HasZeros>(block, turn, first);
      TALUS_UNROLL
      for (int i = 0; i < quad_chunks; i += warp_chunks) {
        int const warp = (first + i) / warp_chunks;
        auto const own = block.load(
            products, place(block, turn, warp, block.thread_index() / warp_size), width<vector>);
        TALUS_UNROLL
        for (int k = 0; k < vector; ++k) {
          add_product<HasZeros>(own[k], base, quads, i + k / num_sums, k % num_sums, sums);
        }
      }
    }
  }

 private:
  /// Scales of four chunks, and zero points and sums.
  struct Quads {
    Vector<float, quad_chunks> outputs[std::size_t{sum_outputs}];
    Vector<std::int32_t, quad_chunks> zeros[std::size_t{sum_outputs}];
    Vector<float, quad_chunks> rows[std::size_t{sum_rows}];
    Vector<std::int32_t, quad_chunks> totals[std::size_t{sum_rows}];
  };

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE int place(Block& block, int turn, int warp, int number) {
    int const lane = block.thread_index() % warp_size;
    return (((turn * num_warps + warp) * num_warps + number) * warp_size + lane) * vector;
  }

  template <bool HasZeros, class Block>
  [[nodiscard]] TALUS_DEVICE Quads load_quads(Block& block, int turn, int first) const {
    Quads quads;
    TALUS_UNROLL
    for (int i = 0; i < sum_outputs; ++i) {
      int const output = output_of(block.thread_index(), i * 2);
      int const from = (turn * outputs + output) * stride + first;
      quads.outputs[i] = block.load(of_outputs.scales, from, width<quad_chunks>);
      if constexpr (HasZeros) {
        quads.zeros[i] = block.load(of_outputs.counts, from, width<quad_chunks>);
      }
    }
    TALUS_UNROLL
    for (int i = 0; i < sum_rows; ++i) {
      int const from = (turn * Rows + row_of(block.thread_index(), i)) * stride + first;
      quads.rows[i] = block.load(of_rows.scales, from, width<quad_chunks>);
      if constexpr (HasZeros) {
        quads.totals[i] = block.load(of_rows.counts, from, width<quad_chunks>);
      }
    }
    return quads;
  }

  template <bool HasZeros>
  static TALUS_DEVICE void add_product(std::int32_t product,
                                       float base,
                                       Quads const& quads,
                                       int chunk,
                                       int sum,
                                       float (&sums)[std::size_t{num_sums}]) {
    int const output = sum / 2;
    int const row = sum % 2;
    if constexpr (HasZeros) {
      product -= quads.zeros[output][chunk] * quads.totals[row][chunk];
    }
    float const scale = quads.outputs[output][chunk] * quads.rows[row][chunk];
    sums[sum] = multiply_add(std::bit_cast<float>(product) - base, scale, sums[sum]);
  }
};

}  // namespace talus::kernels::block
