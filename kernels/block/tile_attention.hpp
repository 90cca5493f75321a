// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/attention_task.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_fragments.hpp"
#include "kernels/block/tile_attention_results.hpp"
#include "kernels/block/tile_attention_scores.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_softmax.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "kernels/block/tile_attention_values.hpp"
#include "kernels/block/tile_attention_work.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// Attention of tiles of queries over keys and values of 16 or eight bits, by tensor cores.
///
/// Grid: as AttentionTask says. Block: as Shape says. Shared memory: a step's keys and values, and
/// the next one's where there is room, the tile's queries, and its weights of a step.
///
/// Orders: queries are rounded to bfloat16, and a score sums over 16 elements after another. In
/// steps of 64 positions at fixed places, what the piece has so far is scaled to the greatest score
/// yet, and the step's weights, rounded to bfloat16, are added to the piece's sum, and times the
/// values to its values, 16 positions after another. Pieces are joined in order. So the bits of a
/// query are its own, whatever Shape and tile it has; but what is infinite or no number among
/// values may spread to more of a row in one tile than in another.
///
/// Codes are exact in bfloat16. A key's scale multiplies its sum in float32; a value's scale the
/// weight, which is rounded then, once, while the sum of weights is taken without scales, of
/// weights rounded by themselves.
template <AttentionShape Shape, class Kind>
struct TileAttention : AttentionTask {
  static constexpr char const* name = "talus::kernels::tile_attention";
  static constexpr int threads = Shape.threads();
  static constexpr std::int64_t tile_size = Shape.queries();

  using Work = TileAttentionWork<Shape, Kind>;

  TileKvStage<Kind> stage;

  [[nodiscard]] std::int64_t shared_bytes() const {
    return tile_attention_bytes(Shape, stage.layout.shape, stage.stages);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    Share const share = share_of(block);
    if (share.is_empty()) {
      return;
    }
    Work work = Work::make(block, stage, share.tile, scores.window);
    load_queries(block, work);
    run_steps(block, work, share.first_piece, share.last_piece);
    if (is_split == 0) {
      store_whole(block, *this, work, stage.layout.shape.value_dim);
    }
  }

 private:
  /// Rounds the tile's queries; what is missing, of them and of their last fragments, is zero.
  template <class Block>
  TALUS_DEVICE void load_queries(Block& block, Work const& work) const {
    std::int64_t const dim = stage.layout.shape.key_dim;
    int const warp = block.thread_index() / warp_size;
    for (int query = warp; query < Shape.queries(); query += threads / warp_size) {
      bool const is_there = query < work.tile.num_queries;
      std::int64_t const t = is_there ? work.tile.first_row + work.tile.row(query) : 0;
      std::int64_t const first = is_there ? work.tile.head(query) * dim : 0;
      for (std::int32_t j = work.lane; j < stage.query_elements(); j += warp_size) {
        float const value = is_there && j < dim ? block.load(q, t, first + j) : 0.0F;
        std::int32_t const to = query * stage.query_stride() + query_place<Kind>(j);
        block.store(work.queries, to, float_to_bf16(value));
      }
    }
  }

  /// Goes through the steps of pieces [piece, last), with the next step's keys and values on their
  /// way where there is room for them.
  template <class Block>
  TALUS_DEVICE void run_steps(Block& block,
                              Work& work,
                              std::int32_t piece,
                              std::int32_t last) const {
    constexpr auto piece_step = static_cast<std::int32_t>(piece_positions);
    auto const first_seen = static_cast<std::int32_t>(work.tile.first_seen(0, scores.window));
    std::int32_t const last_seen = work.tile.position(work.tile.num_queries - 1);
    std::int32_t const begin = piece * piece_step;
    std::int32_t const whole_end = last * piece_step;
    std::int32_t const end = last_seen < whole_end ? last_seen + 1 : whole_end;
    std::int32_t p = first_seen > begin ? first_seen / attention_step * attention_step : begin;
    bool const is_ahead = stage.stages > 1;
    int slot = 0;
    stage.begin(block, work.staged, tiles, work.tile, p, slot);
    for (; p < end; p += attention_step) {
      std::int32_t const next = p + attention_step;
      block.template wait_copies<0>();
      block.sync();  // this step has come, and nobody reads the one before any more
      if (is_ahead && next < end) {
        stage.begin(block, work.staged, tiles, work.tile, next, 1 - slot);
      }
      do_step(block, work, {p, end - p, slot});
      if (next >= end || next % piece_step == 0) {
        finish_piece(block, *this, work, p / piece_step, stage.layout.shape.value_dim);
      }
      if (is_ahead) {
        slot = 1 - slot;
      } else if (next < end) {
        block.sync();
        stage.begin(block, work.staged, tiles, work.tile, next, slot);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void do_step(Block& block, Work& work, TileStep const& step) const {
    // A flaw among codes is in their scale: nothing of it reaches whoever doesn't see it.
    bool const may_have_flaws = !has_scales<Kind> && is_partly_seen(work.tile, step);
    if (may_have_flaws) {
      stage.remove_flaws(block, work.staged, step.slot);
    }
    typename Work::Scores step_scores = products_of(block, stage, work, step);
    rescale(work, make_scores(block, scores, work, step, step_scores));
    store_weights(block, stage, work, step, may_have_flaws, step_scores);
    if constexpr (Shape.column_warps > 1) {
      block.sync();
    } else {
      block.sync_warp();
    }
    add_values(block, stage, work, step);
  }

  /// Whether somebody sees what another query of the tile doesn't.
  [[nodiscard]] TALUS_DEVICE bool is_partly_seen(AttentionTile const& tile,
                                                 TileStep const& step) const {
    auto const last_first =
        static_cast<std::int32_t>(tile.first_seen(tile.num_queries - 1, scores.window));
    std::int32_t const count = step.count < attention_step ? step.count : attention_step;
    return step.first < last_first || step.first + count - 1 > tile.position(0);
  }
};

}  // namespace talus::kernels::block
