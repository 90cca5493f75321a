// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/block/attention.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/softmax_state.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// Attention of tiles of queries over keys and values in bfloat16, by tensor cores: of all pieces
/// of their context, or, where grid.y counts pieces, of one piece each.
///
/// Grid: tiles, pieces of split tiles, groups of heads; blocks beyond a sequence's end have nothing
/// to do. Block: as Shape says. Shared memory: a step's keys and values, and the next one's where
/// there is room, the tile's queries, and its weights of a step.
///
/// Orders: queries are rounded to bfloat16, and a score sums over 16 elements after another. In
/// steps of 64 positions at fixed places, what the piece has so far is scaled to the greatest score
/// yet, and the step's weights, rounded to bfloat16, are added to the piece's sum, and times the
/// values to its values, 16 positions after another. Pieces are joined in order. So the bits of a
/// query are its own, whatever Shape and tile it has; but what is infinite or no number among
/// values may spread to more of a row in one tile than in another.
template <AttentionShape Shape>
struct TileAttention {
  static constexpr char const* name = "talus::kernels::tile_attention";
  static constexpr int threads = Shape.threads();
  static constexpr std::int64_t tile_size = Shape.queries();
  static constexpr auto num_left = static_cast<std::size_t>(Shape.warp_fragments());
  static constexpr auto num_scores = static_cast<std::size_t>(Shape.warp_scores());
  static constexpr auto num_values = static_cast<std::size_t>(Shape.warp_values());

  AttentionTiles tiles;
  TileKvStage stage;
  AttentionScores scores;
  GlobalSpan<float const> sinks;
  MatrixView<float const> q;
  MatrixView<float> out;
  AttentionPartials partials;
  std::int64_t is_split = 0;  ///< 1: a block does one piece

  [[nodiscard]] std::int64_t shared_bytes() const {
    return tile_attention_bytes(Shape, stage.layout.shape, stage.stages);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    Dim3 const index = block.block_index();
    AttentionTile const tile = tiles.find(block, index.x, index.z);
    std::int64_t const piece = tile.first_piece + index.y;
    if (piece >= tile.last_piece) {
      return;
    }
    Work work = begin(block, tile);
    load_queries(block, work);
    run_steps(block, work, piece, is_split != 0 ? piece + 1 : tile.last_piece);
    if (is_split == 0) {
      store(block, work);
    }
  }

 private:
  /// A fragment's two rows that a lane has, the lower one first.
  static constexpr std::size_t num_rows = 2;

  /// The positions that a row sees: [first, last].
  struct Seen {
    std::int32_t first = 0;
    std::int32_t last = -1;
  };

  /// A lane's part of the weighted values.
  struct Values {
    SumFragment of[num_left][num_values];
  };

  /// A lane's part of a step's scores.
  struct Scores {
    SumFragment of[num_left][num_scores];
  };

  /// What a block works with, and a thread's own part.
  struct Work {
    AttentionTile tile;
    TileKvMemory staged;
    SharedSpan<std::uint16_t> queries;  ///< [queries, key_stride]
    SharedSpan<std::uint16_t> weights;  ///< [queries, weight_stride]
    SharedSpan<float> maxima;           ///< [column_warps, queries]
    int lane = 0;
    int first_query = 0;  ///< of the warp
    int column = 0;       ///< of the warp, among those side by side
    Seen seen[num_left][num_rows];
    Values values{};                  ///< of the piece
    SumFragment sums[num_left] = {};  ///< of the piece's weights: the same in all columns
    float greatest[num_left][num_rows];
    Values joined{};  ///< of the pieces before
    SoftmaxState state[num_left][num_rows];
  };

  template <class Block>
  TALUS_DEVICE Work begin(Block& block, AttentionTile const& tile) const {
    Work work;
    work.tile = tile;
    work.staged = stage.make(block);
    work.queries = shared_array<std::uint16_t>(block, Shape.queries() * stage.key_stride());
    work.weights = shared_array<std::uint16_t>(block, Shape.queries() * weight_stride);
    work.maxima = shared_array<float>(block, Shape.exchanged_scores());
    int const warp = block.thread_index() / warp_size;
    work.lane = block.thread_index() % warp_size;
    work.first_query = warp / Shape.column_warps * Shape.warp_fragments() * fragment_outputs;
    work.column = warp % Shape.column_warps;
    each_row([&](std::size_t f, std::size_t half) {
      work.greatest[f][half] = no_score;
      int const query = query_of(work, f, half);
      if (query < tile.num_queries) {
        work.seen[f][half] = {static_cast<std::int32_t>(tile.first_seen(query, scores.window)),
                              tile.position(query)};
      }
    });
    return work;
  }

  /// function(fragment, half) of each of a lane's rows.
  template <class Function>
  TALUS_DEVICE static void each_row(Function const& function) {
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      TALUS_UNROLL
      for (std::size_t half = 0; half < num_rows; ++half) {
        function(f, half);
      }
    }
  }

  [[nodiscard]] static TALUS_DEVICE int query_of(Work const& work,
                                                 std::size_t f,
                                                 std::size_t half) {
    auto const row = static_cast<int>(f) * fragment_outputs + static_cast<int>(half) * 8;
    return work.first_query + row + work.lane / 4;
  }

  /// Rounds the tile's queries; what is missing, of them and of their last fragments, is zero.
  template <class Block>
  TALUS_DEVICE void load_queries(Block& block, Work const& work) const {
    std::int64_t const dim = stage.layout.shape.key_dim;
    auto const padded = static_cast<std::int32_t>(round_up(dim, fragment_inputs));
    int const warp = block.thread_index() / warp_size;
    for (int query = warp; query < Shape.queries(); query += threads / warp_size) {
      bool const is_there = query < work.tile.num_queries;
      std::int64_t const t = is_there ? work.tile.first_row + work.tile.row(query) : 0;
      std::int64_t const first = is_there ? work.tile.head(query) * dim : 0;
      for (std::int32_t j = work.lane; j < padded; j += warp_size) {
        float const value = is_there && j < dim ? block.load(q, t, first + j) : 0.0F;
        block.store(work.queries, query * stage.key_stride() + j, float_to_bf16(value));
      }
    }
  }

  /// Goes through the steps of pieces [piece, last), with the next step's keys and values on their
  /// way where there is room for them.
  template <class Block>
  TALUS_DEVICE void run_steps(Block& block,
                              Work& work,
                              std::int64_t piece,
                              std::int64_t last) const {
    constexpr auto piece_step = static_cast<std::int32_t>(piece_positions);
    auto const first_seen = static_cast<std::int32_t>(work.tile.first_seen(0, scores.window));
    std::int32_t const last_seen = work.tile.position(work.tile.num_queries - 1);
    auto const begin = static_cast<std::int32_t>(piece) * piece_step;
    auto const whole_end = static_cast<std::int32_t>(last) * piece_step;
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
      do_step(block, work, p, end, slot);
      if (next >= end || next % piece_step == 0) {
        finish_piece(block, work, p / piece_step);
      }
      if (is_ahead) {
        slot = 1 - slot;
      } else if (next < end) {
        block.sync();
        stage.begin(block, work.staged, tiles, work.tile, next, slot);
      }
    }
  }

  /// Adds a step, whose positions from `end` on nobody sees.
  template <class Block>
  TALUS_DEVICE void do_step(
      Block& block, Work& work, std::int32_t p, std::int32_t end, int slot) const {
    std::int32_t const left = end - p;
    auto const last_first =
        static_cast<std::int32_t>(work.tile.first_seen(work.tile.num_queries - 1, scores.window));
    std::int32_t const least = work.tile.position(0);
    // Whether somebody sees what another query of the tile doesn't.
    bool const is_partly_seen =
        p < last_first || (left < attention_step ? end - 1 : p + attention_step - 1) > least;
    if (is_partly_seen) {
      stage.remove_flaws(block, work.staged, slot);
    }
    Scores step{};
    score(block, work, slot, left, step);
    float raised[num_left][num_rows];
    find_greatest(block, work, p, step, raised);
    scale(work, raised);
    weigh(block, work, p, is_partly_seen, step);
    if constexpr (Shape.column_warps > 1) {
      block.sync();
    } else {
      block.sync_warp();
    }
    add_values(block, work, slot, left);
  }

  /// Products of the warp's queries with its positions, but for those that nobody sees.
  template <class Block>
  TALUS_DEVICE void score(
      Block& block, Work const& work, int slot, std::int32_t left, Scores& step) const {
    std::int32_t const stride = stage.key_stride();
    int const first = work.column * Shape.warp_scores() * fragment_rows;
    std::int32_t const query = work.first_query * stride + left_piece_row(work.lane, stride);
    std::int32_t const key =
        (slot * attention_step + first) * stride + right_piece_row(work.lane, stride);
    auto const padded = static_cast<std::int32_t>(attention_stride(stage.layout.shape.key_dim) - 8);
    for (std::int32_t i = 0; i < padded; i += fragment_inputs) {
      LeftFragment queries[num_left];
      TALUS_UNROLL
      for (std::size_t f = 0; f < num_left; ++f) {
        auto const row = static_cast<std::int32_t>(f) * fragment_outputs;
        queries[f] = block.load_pieces(work.queries, query + row * stride + i, width<4>);
      }
      TALUS_UNROLL
      for (std::size_t n = 0; n < num_scores; n += 2) {
        auto const row = static_cast<std::int32_t>(n) * fragment_rows;
        if (first + row < left) {
          auto const both = block.load_pieces(work.staged.keys, key + row * stride + i, width<4>);
          TALUS_UNROLL
          for (std::size_t f = 0; f < num_left; ++f) {
            step.of[f][n] = block.mma(queries[f], {both[0], both[1]}, step.of[f][n]);
            step.of[f][n + 1] = block.mma(queries[f], {both[2], both[3]}, step.of[f][n + 1]);
          }
        }
      }
    }
  }

  /// Makes scores of products, those of positions that a query doesn't see no_score, and finds the
  /// greatest of each row of the piece, this step's included.
  template <class Block>
  TALUS_DEVICE void find_greatest(Block& block,
                                  Work const& work,
                                  std::int32_t p,
                                  Scores& step,
                                  float (&raised)[num_left][num_rows]) const {
    each_row([&](std::size_t f, std::size_t half) { raised[f][half] = work.greatest[f][half]; });
    each_score([&](std::size_t f, std::size_t n, int k) {
      Seen const seen = work.seen[f][k / 2];
      std::int32_t const position = p + column_of(work, n, k);
      bool const is_seen = position >= seen.first && position <= seen.last;
      float const score = is_seen ? scores(step.of[f][n][k]) : no_score;
      step.of[f][n][k] = score;
      raised[f][k / 2] = maximum(score, raised[f][k / 2]);
    });
    each_row([&](std::size_t f, std::size_t half) {
      float& own = raised[f][half];
      own = maximum(own, block.shuffle_xor(own, 1));
      own = maximum(own, block.shuffle_xor(own, 2));
    });
    if constexpr (Shape.column_warps > 1) {
      each_row([&](std::size_t f, std::size_t half) {
        if (work.lane % 4 == 0) {
          int const to = work.column * Shape.queries() + query_of(work, f, half);
          block.store(work.maxima, to, raised[f][half]);
        }
      });
      block.sync();
      each_row([&](std::size_t f, std::size_t half) {
        for (int column = 0; column < Shape.column_warps; ++column) {
          int const from = column * Shape.queries() + query_of(work, f, half);
          raised[f][half] = maximum(block.load(work.maxima, from), raised[f][half]);
        }
      });
    }
  }

  /// function(fragment, fragment of positions, register) of each of a lane's scores.
  template <class Function>
  TALUS_DEVICE static void each_score(Function const& function) {
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      TALUS_UNROLL
      for (std::size_t n = 0; n < num_scores; ++n) {
        TALUS_UNROLL
        for (int k = 0; k < 4; ++k) {
          function(f, n, k);
        }
      }
    }
  }

  /// Which of the step's positions a score is of.
  [[nodiscard]] static TALUS_DEVICE int column_of(Work const& work, std::size_t n, int k) {
    int const fragment = work.column * Shape.warp_scores() + static_cast<int>(n);
    return fragment * fragment_rows + sum_row(work.lane, k);
  }

  /// Scales what the piece has so far to greater scores.
  TALUS_DEVICE void scale(Work& work, float const (&raised)[num_left][num_rows]) const {
    each_row([&](std::size_t f, std::size_t half) {
      float const share = exp(work.greatest[f][half] - raised[f][half]);
      work.greatest[f][half] = raised[f][half];
      TALUS_UNROLL
      for (int k = 0; k < 2; ++k) {
        int const own = static_cast<int>(half) * 2 + k;
        work.sums[f][own] *= share;
        TALUS_UNROLL
        for (std::size_t n = 0; n < num_values; ++n) {
          work.values.of[f][n][own] *= share;
        }
      }
    });
  }

  /// Rounds and stores the weights of a step's scores. A flaw that a query sees makes its weight no
  /// number, and one that it doesn't see nothing.
  template <class Block>
  TALUS_DEVICE void weigh(
      Block& block, Work const& work, std::int32_t p, bool has_flaws, Scores const& step) const {
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      TALUS_UNROLL
      for (std::size_t n = 0; n < num_scores; ++n) {
        TALUS_UNROLL
        for (int half = 0; half < 2; ++half) {
          auto const h = static_cast<std::size_t>(half);
          Seen const seen = work.seen[f][h];
          Vector<std::uint16_t, 2> rounded;
          TALUS_UNROLL
          for (int k = 0; k < 2; ++k) {
            int const column = column_of(work, n, k);
            bool const is_seen = p + column >= seen.first && p + column <= seen.last;
            float weight = exp(step.of[f][n][half * 2 + k] - work.greatest[f][h]);
            if (has_flaws && block.load(work.staged.flaws, column) != 0) {
              weight = std::numeric_limits<float>::quiet_NaN();
            }
            rounded[k] = is_seen ? float_to_bf16(weight) : std::uint16_t{0};
          }
          int const to = query_of(work, f, h) * weight_stride + column_of(work, n, 0);
          block.store(work.weights, to, rounded);
        }
      }
    }
  }

  /// Adds the step's weights to their sums, and times the values to the warp's part of these.
  template <class Block>
  TALUS_DEVICE void add_values(Block& block, Work& work, int slot, std::int32_t left) const {
    constexpr std::uint32_t two_ones = 0x3F803F80U;
    StagedValues const values = stage.values(work.staged, slot);
    int const first = work.column * Shape.warp_values() * fragment_rows;
    std::int32_t const dim = static_cast<std::int32_t>(stage.layout.shape.value_dim);
    std::int32_t const value = values.first + first + left_piece_row(work.lane, values.stride);
    int const weight = work.first_query * weight_stride + left_piece_row(work.lane, weight_stride);
    TALUS_UNROLL
    for (int i = 0; i < attention_step; i += fragment_inputs) {
      if (i >= left) {
        break;
      }
      LeftFragment weights[num_left];
      TALUS_UNROLL
      for (std::size_t f = 0; f < num_left; ++f) {
        int const row = static_cast<int>(f) * fragment_outputs;
        weights[f] = block.load_pieces(work.weights, weight + row * weight_stride + i, width<4>);
        work.sums[f] = block.mma(weights[f], {two_ones, two_ones}, work.sums[f]);
      }
      TALUS_UNROLL
      for (std::size_t n = 0; n < num_values; n += 2) {
        auto const column = static_cast<std::int32_t>(n) * fragment_rows;
        if (first + column < dim) {
          auto const both =
              block.load_transposed_pieces(values.memory, value + i * values.stride + column);
          TALUS_UNROLL
          for (std::size_t f = 0; f < num_left; ++f) {
            SumFragment(&of)[num_values] = work.values.of[f];
            of[n] = block.mma(weights[f], {both[0], both[1]}, of[n]);
            of[n + 1] = block.mma(weights[f], {both[2], both[3]}, of[n + 1]);
          }
        }
      }
    }
  }

  /// Joins a piece to those before, or keeps it for JoinPieces.
  template <class Block>
  TALUS_DEVICE void finish_piece(Block& block, Work& work, std::int64_t piece) const {
    each_row([&](std::size_t f, std::size_t half) {
      SoftmaxState const own{work.greatest[f][half], work.sums[f][static_cast<int>(half) * 2]};
      if (is_split != 0) {
        store_piece(block, work, f, half, piece, own);
        return;
      }
      JoinShares const shares = work.state[f][half].join(own);
      each_value(work, half, [&](std::size_t n, int k, std::int32_t) {
        float& joined = work.joined.of[f][n][k];
        joined = join_values(joined, work.values.of[f][n][k], shares);
      });
      work.greatest[f][half] = no_score;
    });
    work.values = {};
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      work.sums[f] = {};
    }
  }

  /// function(fragment of values, register, element) of each of a row's values that a lane has.
  template <class Function>
  TALUS_DEVICE void each_value(Work const& work, std::size_t half, Function const& function) const {
    TALUS_UNROLL
    for (std::size_t n = 0; n < num_values; ++n) {
      TALUS_UNROLL
      for (int k = 0; k < 2; ++k) {
        int const fragment = work.column * Shape.warp_values() + static_cast<int>(n);
        function(
            n, static_cast<int>(half) * 2 + k, fragment * fragment_rows + sum_row(work.lane, k));
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void store_piece(Block& block,
                                Work const& work,
                                std::size_t f,
                                std::size_t half,
                                std::int64_t piece,
                                SoftmaxState const& own) const {
    int const query = query_of(work, f, half);
    if (query >= work.tile.num_queries) {
      return;
    }
    std::int64_t const dim = stage.layout.shape.value_dim;
    std::int64_t const place = partials.place(work.tile, query, piece);
    if (work.column == 0 && work.lane % 4 == 0) {
      block.store(partials.greatest, place, own.greatest);
      block.store(partials.sums, place, own.sum);
    }
    each_value(work, half, [&](std::size_t n, int k, std::int32_t element) {
      if (element < dim) {
        block.store(partials.values, place * dim + element, work.values.of[f][n][k]);
      }
    });
  }

  /// Divides and stores the whole.
  template <class Block>
  TALUS_DEVICE void store(Block& block, Work& work) const {
    std::int64_t const dim = stage.layout.shape.value_dim;
    each_row([&](std::size_t f, std::size_t half) {
      int const query = query_of(work, f, half);
      if (query >= work.tile.num_queries) {
        return;
      }
      SoftmaxState& state = work.state[f][half];
      JoinShares const sink = join_sink(block, sinks, work.tile.head(query), state);
      std::int64_t const t = work.tile.first_row + work.tile.row(query);
      each_value(work, half, [&](std::size_t n, int k, std::int32_t element) {
        if (element < dim) {
          std::int64_t const j = work.tile.head(query) * dim + element;
          block.store(out, t, j, work.joined.of[f][n][k] * sink.older / state.sum);
        }
      });
    });
  }
};

}  // namespace talus::kernels::block
