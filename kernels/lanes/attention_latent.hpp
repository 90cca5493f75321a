// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/lanes/attention_piece.hpp"
#include "kernels/lanes/attention_products.hpp"
#include "kernels/quantized.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Latent attention of a tile over a piece, whose latents are widened once and serve as keys and as
/// values. The lanes of scores are rows of queries, so that nothing need be transposed; those of
/// the output are columns.
template <class Element>
class LatentPiece {
 public:
  /// Positions of a piece, as many as there is room for.
  [[nodiscard]] static std::int64_t positions_of(KvShape const& shape) {
    return shape.key_dim * latent_piece_positions <= AttentionScratch::key_floats
               ? latent_piece_positions
               : num_lanes;
  }

  LatentPiece(AttentionCall const& call, QueryTile const& tile, AttentionScratch& scratch)
      : call_{call},
        tile_{tile},
        scratch_{scratch},
        rows_{tile.rows()},
        padded_rows_{(rows_ + num_lanes - 1) / num_lanes * num_lanes},
        key_dim_{call.cache.shape().key_dim},
        value_dim_{call.cache.shape().value_dim} {}

  /// As panels [key_dim, 16 rows].
  void copy_queries() {
    float const scale = call_.heads.scale * log2_of_e;
    std::fill_n(scratch_.queries, padded_rows_ * key_dim_, 0.0F);
    for (std::int64_t row = 0; row < rows_; ++row) {
      float const* const from =
          call_.q.data + tile_.token_of(row) * call_.q.row_stride + tile_.head_of(row) * key_dim_;
      std::int64_t const lane = row % num_lanes;
      float* const to = scratch_.queries + (row - lane) * key_dim_ + lane;
      for (std::int64_t d = 0; d < key_dim_; ++d) {
        to[d * num_lanes] = from[d] * scale;
      }
    }
  }

  void start(RowSums& sums) {
    std::fill_n(sums.maximum, padded_rows_, no_score);
    std::fill_n(sums.sum, padded_rows_, 0.0F);
  }

  /// Adds a piece to the sums of its segment; `is_first` where there is nothing yet.
  void add(Piece<Element> const& piece, bool is_first, RowSums& sums) {
    widen(piece);
    score(piece);
    weigh(piece, sums);
    add_values(piece, is_first, sums);
  }

  void finish(RowSums&) {}

 private:
  static constexpr int width = word_elements<Element>;

  /// Inputs of a block of a score's sum: sixteen queries' take 12 KB, which serve all positions.
  static constexpr std::int64_t block_inputs = 192;

  void widen(Piece<Element> const& piece) {
    for (std::int64_t group = piece.first; group < piece.last; ++group) {
      for (std::int64_t pair = 0; pair < num_lanes / width; ++pair) {
        Element const* const from = piece.values[group] + pair * key_dim_ * width;
        float* const to = scratch_.keys + (group * num_lanes + pair * width) * key_dim_;
        std::int64_t d = 0;
        for (; d + num_lanes <= key_dim_; d += num_lanes) {
          widen_words(from + d * width, 0, 1, to + d, key_dim_);
        }
        for (; d < key_dim_; ++d) {
          for (int k = 0; k < width; ++k) {
            to[d + k * key_dim_] = widened_one(from[d * width + k]);
          }
        }
      }
      if constexpr (has_scales<Element>) {
        scale_latents(piece.scales[group], scratch_.keys + group * num_lanes * key_dim_);
      }
    }
  }

  /// Sixteen positions' codes, widened, times their scales.
  void scale_latents(GroupScales const& scales, float* latents) const {
    for (std::int64_t position = 0; position < num_lanes; ++position, latents += key_dim_) {
      for (std::int64_t d = 0; d < value_dim_; ++d) {
        latents[d] *= scales.values[position];
      }
      for (std::int64_t d = value_dim_; d < key_dim_; ++d) {
        latents[d] *= scales.keys[position];
      }
    }
  }

  static float widened_one(float value) { return value; }

  static float widened_one(std::uint16_t bits) { return bf16_to_float(bits); }

  static float widened_one(std::int8_t code) { return static_cast<float>(code); }

  static float widened_one(std::uint8_t code) { return e4m3_to_float(code); }

  void score(Piece<Element> const& piece) {
    std::int64_t const first = piece.first * num_lanes;
    std::int64_t const count = (piece.last - piece.first) * num_lanes;
    for (std::int64_t d = 0; d < key_dim_; d += block_inputs) {
      std::int64_t const inputs = std::min(block_inputs, key_dim_ - d);
      for (std::int64_t row = 0; row < rows_; row += num_lanes) {
        WordPanels<float, 1> const queries{{scratch_.queries + row * key_dim_ + d * num_lanes}};
        for_row_tiles(count, [&](std::int64_t position, auto positions) {
          float* const scores = scratch_.scores + (first + position) * padded_rows_ + row;
          Sums<positions(), 1> sums{};
          if (d > 0) {
            sums.load_from(scores, padded_rows_, num_lanes);
          }
          add_products(sums,
                       TileInput{scratch_.keys + (first + position) * key_dim_ + d, key_dim_, 1},
                       queries,
                       inputs,
                       NoPrefetch{});
          sums.store_to(scores, padded_rows_, num_lanes);
        });
      }
    }
  }

  /// Turns scores into weights, exactly 0 where a row doesn't see.
  void weigh(Piece<Element> const& piece, RowSums& sums) {
    std::int64_t const first = piece.first * num_lanes;
    std::int64_t const last = piece.last * num_lanes;
    if (call_.heads.soft_cap > 0.0F) {
      cap_scores(call_.heads.soft_cap,
                 scratch_.scores + first * padded_rows_,
                 (last - first) * padded_rows_);
    }
    mask_scores(call_, tile_, piece, {1, padded_rows_}, scratch_.scores);
    alignas(64) float greatest[max_query_rows];
    for (std::int64_t row = 0; row < rows_; row += num_lanes) {
      Lanes most = broadcast(no_score);
      for (std::int64_t p = first; p < last; ++p) {
        most = maximum(most, load(scratch_.scores + p * padded_rows_ + row));
      }
      store(greatest + row, most);
    }
    raise_maxima(greatest, rows_, sums.maximum, scratch_.share);
    for (std::int64_t row = 0; row < rows_; row += num_lanes) {
      Lanes const raised = load(sums.maximum + row);
      Lanes sum = load(sums.sum + row) * load(scratch_.share + row);
      for (std::int64_t p = first; p < last; ++p) {
        float* const scores = scratch_.scores + p * padded_rows_ + row;
        Lanes const weights = exp2_of_negative(load(scores) - raised);
        store(scores, weights);
        sum = sum + weights;
      }
      store(sums.sum + row, sum);
    }
  }

  void add_values(Piece<Element> const& piece, bool is_first, RowSums const& sums) {
    std::int64_t const first = piece.first * num_lanes;
    std::int64_t const count = (piece.last - piece.first) * num_lanes;
    for (std::int64_t column = 0; column < value_dim_; column += num_lanes) {
      WordPanels<float, 1> const values{{scratch_.keys + first * key_dim_ + column}, key_dim_};
      for_row_tiles(rows_, [&](std::int64_t row, auto rows) {
        float* const memory = sums.values + row * sums.stride + column;
        Sums<rows(), 1> out{};
        if (!is_first) {
          out.load_scaled(memory, sums.stride, num_lanes, scratch_.share + row);
        }
        add_products(out,
                     TileInput{scratch_.scores + first * padded_rows_ + row, 1, padded_rows_},
                     values,
                     count,
                     NoPrefetch{});
        out.store_to(memory, sums.stride, num_lanes);
      });
    }
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  AttentionScratch& scratch_;
  std::int64_t rows_;
  std::int64_t padded_rows_;
  std::int64_t key_dim_;
  std::int64_t value_dim_;
};

}  // namespace talus::kernels::TALUS_TARGET
