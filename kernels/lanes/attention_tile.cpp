// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/attention_tile.hpp"

#include <cmath>
#include <limits>

#include "kernels/lanes/attention_scores.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// What a tile sees of a piece of the context: positions [first, last) of the piece that begins at
/// `begin`. `first` is a multiple of 16; every row sees nothing before it.
struct Piece {
  std::int64_t begin = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// How a tile walks the context.
template <class Element>
class TileWalk {
 public:
  TileWalk(AttentionCall const& call, QueryTile const& tile)
      : call_{call},
        tile_{tile},
        cache_{reinterpret_cast<Element const*>(call.cache.data())},
        num_heads_{tile.last_head - tile.first_head} {}

  void run() {
    copy_queries(call_, tile_, scratch_);
    std::int64_t const end = last_position(tile_.rows() - 1) + 1;
    std::int64_t const start = first_position(0) / num_lanes * num_lanes;
    for (std::int64_t begin = piece_of(start); begin < end; begin += piece_positions) {
      Piece const piece{begin, std::max(begin, start), std::min(begin + piece_positions, end)};
      score(piece);
      for (std::int64_t row = 0; row < tile_.rows(); ++row) {
        weigh(piece, row);
      }
      add_values(piece);
    }
    divide();
  }

 private:
  /// The last position that a row sees, its own.
  [[nodiscard]] std::int64_t last_position(std::int64_t row) const {
    auto const s = static_cast<std::size_t>(tile_.sequence);
    std::int64_t const token = tile_.first_token + row / num_heads_;
    return call_.batch.context[s] + token - call_.batch.first_row[s];
  }

  /// The first position that a row sees.
  [[nodiscard]] std::int64_t first_position(std::int64_t row) const {
    std::int64_t const window = call_.heads.window;
    return window > 0 ? std::max<std::int64_t>(0, last_position(row) - window + 1) : 0;
  }

  /// Where the piece begins that a position lies in.
  [[nodiscard]] static std::int64_t piece_of(std::int64_t position) {
    return position / piece_positions * piece_positions;
  }

  /// Whether a row sees anything of a piece.
  [[nodiscard]] bool sees(std::int64_t row, Piece piece) const {
    return first_position(row) < piece.last && last_position(row) >= piece.begin;
  }

  /// Whether a piece is the first one of which a row sees anything.
  [[nodiscard]] bool is_first_of(std::int64_t row, Piece piece) const {
    return piece_of(first_position(row)) == piece.begin;
  }

  [[nodiscard]] float* out_row(std::int64_t row) const {
    std::int64_t const token = tile_.first_token + row / num_heads_;
    std::int64_t const head = tile_.first_head + row % num_heads_;
    return call_.out.data + token * call_.out.row_stride + head * call_.cache.shape().value_dim;
  }

  void score(Piece piece) {
    KvShape const& shape = call_.cache.shape();
    for (std::int64_t position = piece.first; position < piece.last; position += num_lanes) {
      Element const* const keys =
          cache_ + call_.blocks.key_panel(tile_.sequence, tile_.kv_head, position);
      float* const scores = scratch_.scores + (position - piece.first);
      if (shape.value_in_key) {
        score_latents(keys, shape.key_dim, tile_.rows(), scratch_, scores);
      } else {
        score_panel(keys, shape.key_dim, tile_.rows(), scratch_.queries, scores);
      }
    }
  }

  /// Turns a row's scores of a piece into weights, exactly 0 where the row doesn't see.
  void weigh(Piece piece, std::int64_t row) {
    float* const scores = scratch_.scores + row * piece_positions;
    if (!sees(row, piece)) {
      std::fill_n(scores, piece.last - piece.first, 0.0F);
      return;
    }
    std::int64_t const padded = (piece.last - piece.first + num_lanes - 1) / num_lanes * num_lanes;
    cap_scores(scores, padded);
    std::int64_t const seen = std::min(last_position(row) + 1, piece.last) - piece.first;
    std::fill(scores + seen, scores + padded, minus_infinity);
    std::fill_n(
        scores, std::max<std::int64_t>(0, first_position(row) - piece.first), minus_infinity);
    Lanes greatest = broadcast(minus_infinity);
    for (std::int64_t j = 0; j < padded; j += num_lanes) {
      greatest = maximum(load(scores + j), greatest);
    }
    float const piece_maximum = maximum_of(greatest);
    Lanes sums = broadcast(0.0F);
    for (std::int64_t j = 0; j < padded; j += num_lanes) {
      Lanes const weights = exp(load(scores + j) - broadcast(piece_maximum));
      store(scores + j, weights);
      sums = sums + weights;
    }
    merge(piece, row, piece_maximum, sum_of(sums));
  }

  void cap_scores(float* scores, std::int64_t count) const {
    if (call_.heads.soft_cap > 0.0F) {
      Lanes const cap = broadcast(call_.heads.soft_cap);
      for (std::int64_t j = 0; j < count; j += num_lanes) {
        store(scores + j, cap * tanh(load(scores + j) / cap));
      }
    }
  }

  /// Updates a row's maximum and sum, and the factors that its values are merged with.
  void merge(Piece piece, std::int64_t row, float piece_maximum, float piece_sum) {
    if (is_first_of(row, piece)) {
      scratch_.maximum[row] = piece_maximum;
      scratch_.sum[row] = piece_sum;
      return;
    }
    float const maximum = std::max(scratch_.maximum[row], piece_maximum);
    scratch_.old_share[row] = std::exp(scratch_.maximum[row] - maximum);
    scratch_.new_share[row] = std::exp(piece_maximum - maximum);
    scratch_.maximum[row] = maximum;
    scratch_.sum[row] =
        scratch_.sum[row] * scratch_.old_share[row] + piece_sum * scratch_.new_share[row];
  }

  void add_values(Piece piece) {
    TileRows const tiles{tile_.rows()};
    for (std::int64_t t = 0; t < tiles.count(); ++t) {
      std::int64_t const first = tiles.begin(t);
      with_tile_rows(tiles.begin(t + 1) - first, [&](auto rows) {
        constexpr int panels = tile_panels(rows());
        std::int64_t column = 0;
        for (; column + panels * num_lanes <= call_.cache.shape().value_dim;
             column += panels * num_lanes) {
          add_columns<rows(), panels>(piece, first, column);
        }
        for (; column < call_.cache.shape().value_dim; column += num_lanes) {
          add_columns<rows(), 1>(piece, first, column);
        }
      });
    }
  }

  /// Weighted values of some rows in columns [column, column + 16 * Panels), summed over the
  /// positions of the piece in order, then merged into the output.
  template <int Rows, int Panels>
  void add_columns(Piece piece, std::int64_t row, std::int64_t column) {
    std::int64_t const block = call_.blocks.block_tokens();
    Tile<Rows, Panels> tile{};
    std::int64_t position = piece.first;
    while (position < piece.last) {
      std::int64_t const end = std::min(piece.last, (position / block + 1) * block);
      Element const* const values =
          cache_ + call_.blocks.value_row(tile_.sequence, tile_.kv_head, position) + column;
      float const* const weights =
          scratch_.scores + row * piece_positions + (position - piece.first);
      tile.accumulate(TileInput{weights, piece_positions, 1},
                      TileWeights<Element>{values, num_lanes, call_.blocks.value_stride()},
                      0,
                      end - position);
      position = end;
    }
    for (int r = 0; r < Rows; ++r) {
      if (sees(row + r, piece)) {
        merge_values(piece, row + r, column, tile.sums[r], Panels);
      }
    }
  }

  void merge_values(
      Piece piece, std::int64_t row, std::int64_t column, Lanes const* sums, int panels) {
    float* const out = out_row(row) + column;
    Lanes const old_share = broadcast(scratch_.old_share[row]);
    Lanes const new_share = broadcast(scratch_.new_share[row]);
    for (int p = 0; p < panels; ++p) {
      std::int64_t const count = call_.cache.shape().value_dim - column - p * num_lanes;
      float* const to = out + p * num_lanes;
      Lanes merged = sums[p];
      if (!is_first_of(row, piece)) {
        merged = multiply_add(load_some(to, count), old_share, merged * new_share);
      }
      store_some(to, merged, count);
    }
  }

  /// A sink's share joins a row's sum; the row's outputs are scaled to the maximum of both.
  void add_sink(std::int64_t row) {
    auto const head = static_cast<std::size_t>(tile_.first_head + row % num_heads_);
    float const sink = call_.heads.sinks[head];
    float const maximum = std::max(scratch_.maximum[row], sink);
    float const share = std::exp(scratch_.maximum[row] - maximum);
    scratch_.sum[row] = scratch_.sum[row] * share + std::exp(sink - maximum);
    float* const out = out_row(row);
    for (std::int64_t d = 0; d < call_.cache.shape().value_dim; ++d) {
      out[d] *= share;
    }
  }

  void divide() {
    for (std::int64_t row = 0; row < tile_.rows(); ++row) {
      if (!call_.heads.sinks.empty()) {
        add_sink(row);
      }
      float* const out = out_row(row);
      for (std::int64_t d = 0; d < call_.cache.shape().value_dim; ++d) {
        out[d] /= scratch_.sum[row];
      }
    }
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  Element const* cache_;
  std::int64_t num_heads_;
  AttentionScratch scratch_;
};

}  // namespace

void attend(AttentionCall const& call, QueryTile const& tile) {
  if (call.cache.shape().dtype == DType::f32) {
    TileWalk<float>{call, tile}.run();
  } else {
    TileWalk<std::uint16_t>{call, tile}.run();
  }
}

}  // namespace talus::kernels::TALUS_TARGET
