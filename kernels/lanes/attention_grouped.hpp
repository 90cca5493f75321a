// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/lanes/attention_piece.hpp"
#include "kernels/lanes/attention_products.hpp"
#include "kernels/lanes/attention_weights.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Multi-head and grouped-query attention of a tile over a piece. The lanes of scores are
/// positions, those of the output columns. A few rows widen keys and values where they use them;
/// for many, they are widened once.
template <class Element>
class GroupedPiece {
 public:
  static constexpr std::int64_t positions = piece_positions;

  [[nodiscard]] static std::int64_t positions_of(KvShape const&) { return positions; }

  GroupedPiece(AttentionCall const& call, QueryTile const& tile, AttentionScratch& scratch)
      : call_{call},
        tile_{tile},
        scratch_{scratch},
        weights_{call, tile, scratch},
        rows_{tile.rows()},
        key_dim_{call.cache.shape().key_dim},
        value_dim_{call.cache.shape().value_dim},
        is_wide_{rows_ > 2 * max_tile_rows} {}

  void copy_queries() {
    float const scale = call_.heads.scale * log2_of_e;
    for (std::int64_t row = 0; row < rows_; ++row) {
      float const* const from =
          call_.q.data + tile_.token_of(row) * call_.q.row_stride + tile_.head_of(row) * key_dim_;
      float* const to = scratch_.queries + row * key_dim_;
      for (std::int64_t d = 0; d < key_dim_; ++d) {
        to[d] = from[d] * scale;
      }
    }
  }

  void start(RowSums& sums) { weights_.start(sums); }

  /// Adds a piece to the sums of its segment; `is_first` where there is nothing yet.
  void add(Piece<Element> const& piece, bool is_first, RowSums& sums) {
    if (is_wide_) {
      score_widened(piece);
    } else {
      score(piece);
    }
    weights_.weigh(piece, sums);
    if (is_wide_) {
      add_widened_values(piece, is_first, sums);
    } else {
      add_values(piece, is_first, sums);
    }
  }

  void finish(RowSums& sums) { weights_.finish(sums); }

 private:
  static constexpr int width = word_elements<Element>;
  static constexpr std::int64_t wide_panels = tile_panels(max_tile_rows);

  template <int Rows, int Panels>
  [[gnu::always_inline]] void store_scores(Sums<Rows, Panels> const& sums,
                                           std::int64_t row,
                                           std::int64_t group) {
    sums.store_to(scratch_.scores + row * positions + group * num_lanes, positions, num_lanes);
  }

  void score(Piece<Element> const& piece) {
    for_row_tiles(rows_, [&](std::int64_t row, auto rows) {
      for_panels<tile_panels(rows())>(
          piece.first, piece.last, [&](std::int64_t group, auto panels) {
            Sums<rows(), panels()> sums{};
            WordPanels<Element, panels()> words{};
            words.stride = num_lanes * width;
            for (int p = 0; p < panels(); ++p) {
              words.panel[p] = piece.keys[group + p];
            }
            add_products(sums,
                         TileInput{scratch_.queries + row * key_dim_, key_dim_, 1},
                         words,
                         key_dim_ / width,
                         LinePrefetch{piece.values[group]});
            store_scores(sums, row, group);
          });
    });
  }

  void score_widened(Piece<Element> const& piece) {
    std::int64_t const panel_floats = key_dim_ * num_lanes;
    for_panels<wide_panels>(piece.first, piece.last, [&](std::int64_t group, auto panels) {
      for (int p = 0; p < panels(); ++p) {
        widen_words(piece.keys[group + p],
                    num_lanes * width,
                    key_dim_ / width,
                    scratch_.keys + p * panel_floats);
      }
      for_row_tiles(rows_, [&](std::int64_t row, auto rows) {
        if (visible_to(call_, tile_, row + rows() - 1).last <= piece.begin + group * num_lanes) {
          return;
        }
        Sums<rows(), panels()> sums{};
        WordPanels<float, panels()> keys{};
        for (int p = 0; p < panels(); ++p) {
          keys.panel[p] = scratch_.keys + p * panel_floats;
        }
        add_products(sums,
                     TileInput{scratch_.queries + row * key_dim_, key_dim_, 1},
                     keys,
                     key_dim_,
                     NoPrefetch{});
        store_scores(sums, row, group);
      });
    });
  }

  [[nodiscard]] Visible groups_of_rows(Piece<Element> const& piece,
                                       std::int64_t row,
                                       std::int64_t rows) const {
    return piece.groups_of(
        {visible_to(call_, tile_, row).first, visible_to(call_, tile_, row + rows - 1).last});
  }

  void add_values(Piece<Element> const& piece, bool is_first, RowSums const& sums) {
    std::int64_t const stride = value_dim_ * width;
    std::int64_t const num_panels = (value_dim_ + num_lanes - 1) / num_lanes;
    for_row_tiles(rows_, [&](std::int64_t row, auto rows) {
      Visible const groups = groups_of_rows(piece, row, rows());
      for_panels<tile_panels(rows())>(0, num_panels, [&](std::int64_t panel, auto panels) {
        float* const memory = sums.values + row * sums.stride + panel * num_lanes;
        Sums<rows(), panels()> values{};
        if (!is_first) {
          values.load_scaled(memory, sums.stride, num_lanes, scratch_.share + row);
        }
        for (std::int64_t group = groups.first; group < groups.last; ++group) {
          WordPanels<Element, panels()> words{};
          words.stride = stride;
          for (int p = 0; p < panels(); ++p) {
            words.panel[p] = piece.values[group] + (panel + p) * num_lanes * width;
          }
          add_products(
              values,
              TileInput{scratch_.scores + row * positions + group * num_lanes, positions, 1},
              words,
              num_lanes / width,
              LinePrefetch{piece.keys_after[group] + panel * num_lanes * num_lanes});
        }
        values.store_to(memory, sums.stride, num_lanes);
      });
    });
  }

  void add_widened_values(Piece<Element> const& piece, bool is_first, RowSums const& sums) {
    std::int64_t const num_panels = (value_dim_ + num_lanes - 1) / num_lanes;
    for_panels<wide_panels>(0, num_panels, [&](std::int64_t panel, auto panels) {
      for (int p = 0; p < panels(); ++p) {
        for (std::int64_t group = piece.first; group < piece.last; ++group) {
          widen_words(piece.values[group] + (panel + p) * num_lanes * width,
                      value_dim_ * width,
                      num_lanes / width,
                      scratch_.columns + (p * positions + group * num_lanes) * num_lanes);
        }
      }
      for_row_tiles(rows_, [&](std::int64_t row, auto rows) {
        Visible const groups = groups_of_rows(piece, row, rows());
        float* const memory = sums.values + row * sums.stride + panel * num_lanes;
        Sums<rows(), panels()> values{};
        if (!is_first) {
          values.load_scaled(memory, sums.stride, num_lanes, scratch_.share + row);
        }
        WordPanels<float, panels()> columns{};
        for (int p = 0; p < panels(); ++p) {
          columns.panel[p] =
              scratch_.columns + (p * positions + groups.first * num_lanes) * num_lanes;
        }
        add_products(
            values,
            TileInput{scratch_.scores + row * positions + groups.first * num_lanes, positions, 1},
            columns,
            (groups.last - groups.first) * num_lanes,
            NoPrefetch{});
        values.store_to(memory, sums.stride, num_lanes);
      });
    });
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  AttentionScratch& scratch_;
  RowWeights<Element> weights_;
  std::int64_t rows_;
  std::int64_t key_dim_;
  std::int64_t value_dim_;
  bool is_wide_;
};

}  // namespace talus::kernels::TALUS_TARGET
