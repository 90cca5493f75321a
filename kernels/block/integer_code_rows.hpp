// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matmul.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/integer_code_round.hpp"
#include "kernels/block/integer_code_slot.hpp"
#include "kernels/block/quantize_rows.hpp"

namespace talus::kernels::block {

/// Products of some rows with integer codes by tensor cores: the sums of CodeMatmul, bit by bit,
/// since those of a chunk are exact and chunks are added in the same order.
///
/// Grid: panels of 32 outputs, tiles of `Rows` rows (8, 16 or 32), jobs (or of the rows of all
/// experts, of which surplus blocks leave, 1). Block: eight warps, which share out the chunks of a
/// round; then the threads share out the sums, and each adds the round's chunks in order. Shared
/// memory: of each warp the next chunks' codes, scales and rows, on their way; products and scales
/// of the round, or of two.
template <QuantKind Kind, int Rows>
struct IntegerCodeRows {
  static constexpr char const* name = "talus::kernels::integer_code_rows";
  using Slot = CodeSlot<Kind, Rows>;
  using Round = CodeRound<Rows>;
  static constexpr int num_warps = Round::num_warps;
  static constexpr int threads = num_warps * warp_size;
  /// Two blocks' shared memory is what a multiprocessor of 9.0 has.
  static constexpr int least_blocks = 2;
  static constexpr int warp_chunks = Round::warp_chunks;
  static constexpr int slots = has_byte_codes(Kind) ? (Rows > 16 ? 3 : 4)
                               : Rows > 16          ? 4
                               : Rows > 8           ? 6
                                                    : 8;  ///< chunks of a warp
  static constexpr int slot_words = num_warps * slots * Slot::size;

  Jobs<CodeJob> jobs;
  QuantizedRows x;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::uint32_t>(slot_words) + Round::shared_bytes();
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, Rows);
    CodeJob const& job = tile.job;
    std::int64_t const panel = block.block_index().x;
    if (!tile.is_there() || panel * CodeLayout::panel_outputs >= job.y.cols) {
      return;
    }
    int const warp = block.thread_index() / warp_size;
    auto const all_slots = shared_array<std::uint32_t>(block, slot_words);
    Work work{PanelWords{job.w.layout},
              Round::make(block),
              part_of(all_slots, warp * slots * Slot::size, slots * Slot::size)};
    work.warp = warp;
    work.lane = block.thread_index() % warp_size;
    std::int64_t const first = job.first_row + tile.first_row;
    std::int64_t const rows = job.y.rows - tile.first_row;
    work.num_rows = static_cast<int>(rows < Rows ? rows : Rows);
    work.first_word = panel * (job.w.layout.panel_bytes() / 4);
    work.lane_word = Slot::lane_word(x, first, work.lane);
    work.lane_place = (first + work.lane) * x.chunks;
    work.next_chunk = job.first_chunk + work.warp * warp_chunks;
    work.rows = take(block, job, work, work.next_chunk);
    fill_slots(block, job, work);
    float sums[std::size_t{Round::num_sums}] = {};
    for (std::int32_t chunk = job.first_chunk; chunk < job.last_chunk; chunk += Round::size) {
      multiply(block, job, work, chunk + work.warp * warp_chunks);
      block.sync();  // the whole round is there
      add(block, job, work, sums);
    }
    store(block, job, tile.first_row, sums);
  }

 private:
  using Scales = typename Round::Scales;

  /// What a thread works with.
  struct Work {
    PanelWords places;
    Round round;
    SharedSpan<std::uint32_t> slots;  ///< of the warp: [slots, Slot::size]
    int warp = 0;
    int lane = 0;
    int num_rows = 0;             ///< of the tile
    std::int64_t first_word = 0;  ///< of the panel
    std::int64_t lane_word = 0;   ///< of the lane's part of the rows
    std::int64_t lane_place = 0;  ///< of the scales of row `lane`
    std::int32_t next_chunk = 0;  ///< of the warp's, to be copied
    int next_within = 0;          ///< its number among the warp's of the round
    int next_slot = 0;
    int slot = 0;   ///< of the chunk that is multiplied next
    int turn = 0;   ///< which of the rounds that have room
    Scales rows{};  ///< of the warp's next chunks, of row `lane`
  };

  [[nodiscard]] static TALUS_DEVICE Slot slot_of(Work const& work, int number) {
    return {part_of(work.slots, number * Slot::size, Slot::size)};
  }

  [[nodiscard]] static constexpr int next(int slot) { return slot + 1 == slots ? 0 : slot + 1; }

  [[nodiscard]] static constexpr bool counts_zeros(CodeJob const& job) {
    return Kind != QuantKind::mxfp4 && job.w.has_zeros;
  }

  /// Begins to copy the warp's first chunks. What is multiplied without ever being copied is zero.
  template <class Block>
  TALUS_DEVICE void fill_slots(Block& block, CodeJob const& job, Work& work) const {
    for (int number = 0; number < slots; ++number) {
      if (work.num_rows < Rows || work.next_chunk >= job.last_chunk) {
        slot_of(work, number).clear(block);
      }
      block.sync_warp();
      if (number < slots - 1) {
        begin(block, job, work);
      }
    }
  }

  /// Begins to copy the warp's next chunk.
  template <class Block>
  TALUS_DEVICE void begin(Block& block, CodeJob const& job, Work& work) const {
    std::int32_t const chunk = work.next_chunk;
    if (chunk < job.last_chunk) {
      Slot const slot = slot_of(work, work.next_slot);
      std::int32_t const group = work.places.group_of(chunk);
      slot.copy_codes(block, job.w, work.first_word + work.places.codes(chunk, group));
      slot.copy_header(block, job.w, work.first_word + work.places.header(group));
      std::int64_t const word = work.lane_word + std::int64_t{chunk} * QuantizedRows::chunk_words;
      slot.copy_rows(block, x, word, work.num_rows);
    }
    block.commit_copies();
    work.next_slot = next(work.next_slot);
    bool const is_last = ++work.next_within == warp_chunks;
    work.next_within = is_last ? 0 : work.next_within;
    work.next_chunk += is_last ? Round::size - warp_chunks + 1 : 1;
  }

  /// Reads scales and sums of row `lane` of the chunks from `chunk` on; what isn't there is zero.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Scales
  take(Block& block, CodeJob const& job, Work const& work, std::int32_t chunk) const {
    Scales taken{};
    TALUS_UNROLL
    for (int c = 0; c < warp_chunks; ++c) {
      if (work.lane < work.num_rows && chunk + c < job.last_chunk) {
        taken.scales[c] = block.load(x.scales, work.lane_place + chunk + c);
        if (counts_zeros(job)) {
          taken.counts[c] = block.load(x.sums, work.lane_place + chunk + c);
        }
      }
    }
    return taken;
  }

  /// Multiplies the warp's chunks of a round, and leaves products and scales to all threads. What
  /// a slot had before is multiplied where there is no such chunk: times scales of zero, it adds
  /// nothing.
  ///
  /// \param chunk  the first of them
  template <class Block>
  TALUS_DEVICE void multiply(Block& block,
                             CodeJob const& job,
                             Work& work,
                             std::int32_t chunk) const {
    Scales const rows = work.rows;
    work.rows = take(block, job, work, chunk + Round::size);
    typename Round::Products products;
    Scales outputs{};
    TALUS_UNROLL
    for (int c = 0; c < warp_chunks; ++c) {
      block.template wait_copies<slots - 2>();
      block.sync_warp();  // the chunk has come, and nobody reads the one before any more
      begin(block, job, work);
      Slot const slot = slot_of(work, work.slot);
      multiply_chunk(block, slot, products[c]);
      GroupScale const scale = slot.scale(block, job.w);
      outputs.scales[c] = chunk + c < job.last_chunk ? scale.scale : 0.0F;
      outputs.counts[c] = InputOctet<Kind>::zero(scale.zero);
      work.slot = next(work.slot);
    }
    leave(block, job, work, products, outputs, rows);
  }

  using ChunkSums = IntegerFragment[std::size_t{Round::lefts}][std::size_t{Round::rights}];

  template <class Block>
  static TALUS_DEVICE void multiply_chunk(Block& block, Slot const& slot, ChunkSums& products) {
    constexpr auto bits = std::bit_cast<std::int32_t>(InputOctet<Kind>::base);
    IntegerFragment const base{{bits, bits, bits, bits}};
    LeftFragment codes[std::size_t{Round::lefts}];
    TALUS_UNROLL
    for (int o = 0; o < Round::lefts; ++o) {
      codes[o] = slot.left(block, o);
    }
    TALUS_UNROLL
    for (int r = 0; r < Round::rights; ++r) {
      RightFragment const integers = slot.right(block, r);
      TALUS_UNROLL
      for (int o = 0; o < Round::lefts; ++o) {
        products[o][r] = block.mma(codes[o], integers, base);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void leave(Block& block,
                          CodeJob const& job,
                          Work const& work,
                          typename Round::Products const& products,
                          Scales const& outputs,
                          Scales const& rows) const {
    Round const& round = work.round;
    round.put(block, work.turn, products);
    bool const has_zeros = counts_zeros(job);
    int const output = work.turn * Round::outputs + work.lane;
    round.put(block, round.of_outputs, output, outputs, has_zeros);
    if (work.lane < Rows) {
      round.put(block, round.of_rows, work.turn * Rows + work.lane, rows, has_zeros);
    }
  }

  template <class Block>
  TALUS_DEVICE void add(Block& block,
                        CodeJob const& job,
                        Work& work,
                        float (&sums)[std::size_t{Round::num_sums}]) const {
    if (counts_zeros(job)) {
      work.round.template add<true>(block, work.turn, InputOctet<Kind>::base, sums);
    } else {
      work.round.template add<false>(block, work.turn, InputOctet<Kind>::base, sums);
    }
    if constexpr (Round::turns == 1) {
      block.sync();
    } else {
      work.turn = 1 - work.turn;
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          CodeJob const& job,
                          std::int64_t first_row,
                          float const (&sums)[std::size_t{Round::num_sums}]) const {
    std::int64_t const first_output = block.block_index().x * CodeLayout::panel_outputs;
    TALUS_UNROLL
    for (int i = 0; i < Round::num_sums; ++i) {
      std::int64_t const output = first_output + Round::output_of(block.thread_index(), i);
      std::int64_t const t = first_row + Round::row_of(block.thread_index(), i);
      if (output < job.y.cols && t < job.y.rows) {
        block.store(job.y, t, output, sums[i]);
      }
    }
  }
};

}  // namespace talus::kernels::block
