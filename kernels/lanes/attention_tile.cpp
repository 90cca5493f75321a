// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/attention_tile.hpp"

#include "kernels/lanes/attention_grouped.hpp"
#include "kernels/lanes/attention_latent.hpp"
#if TALUS_TARGET_HAS_TILES
#include "kernels/x86/tile_attention.hpp"
#endif

namespace talus::kernels::TALUS_TARGET {
namespace {

std::int64_t padded(std::int64_t count) {
  return (count + num_lanes - 1) / num_lanes * num_lanes;
}

float* out_row(AttentionCall const& call, QueryTile const& tile, std::int64_t row) {
  return call.out.data + tile.token_of(row) * call.out.row_stride +
         tile.head_of(row) * call.cache.shape().value_dim;
}

/// A part of the output in memory: maxima, sums of weights, sums of values.
void use_partial(AttentionCall const& call, QueryTile const& tile, float* partial, RowSums& sums) {
  sums.values = partial + 2 * tile.rows();
  sums.stride = padded(call.cache.shape().value_dim);
}

void load_partial(AttentionCall const& call, QueryTile const& tile, float* partial, RowSums& sums) {
  std::copy_n(partial, tile.rows(), sums.maximum);
  std::copy_n(partial + tile.rows(), tile.rows(), sums.sum);
  use_partial(call, tile, partial, sums);
}

void save_partial(QueryTile const& tile, RowSums const& sums, float* partial) {
  std::copy_n(sums.maximum, tile.rows(), partial);
  std::copy_n(sums.sum, tile.rows(), partial + tile.rows());
}

/// How a tile walks the context: piece by piece, within segments.
template <class Element, template <class> class Method>
class TileWalk {
 public:
  TileWalk(AttentionCall const& call, QueryTile const& tile, AttentionScratch& scratch)
      : call_{call},
        tile_{tile},
        method_{call, tile, scratch},
        cache_{reinterpret_cast<Element const*>(call.cache.data())},
        piece_positions_{Method<Element>::positions_of(call.cache.shape())},
        start_{visible_to(call, tile, 0).first / num_lanes * num_lanes},
        end_{visible_to(call, tile, tile.rows() - 1).last} {
    method_.copy_queries();
  }

  void run(std::int64_t segment, RowSums& sums) {
    std::int64_t const last = std::min((segment + 1) * segment_positions, end_);
    std::int64_t begin = std::max(segment * segment_positions, start_);
    begin = begin / piece_positions_ * piece_positions_;
    method_.start(sums);
    bool is_first = true;
    for (; begin < last; begin += piece_positions_) {
      method_.add(piece_at(begin), is_first, sums);
      is_first = false;
    }
    method_.finish(sums);
  }

 private:
  [[nodiscard]] Piece<Element> piece_at(std::int64_t begin) const {
    Piece<Element> piece;
    piece.begin = begin;
    piece.first = (std::max(begin, start_) - begin) / num_lanes;
    piece.last = padded(std::min(begin + piece_positions_, end_) - begin) / num_lanes;
    for (std::int64_t group = piece.first; group < piece.last; ++group) {
      std::int64_t const position = begin + group * num_lanes;
      piece.keys[group] = cache_ + call_.blocks.key_panel(tile_.sequence, tile_.kv_head, position);
      piece.values[group] =
          cache_ + call_.blocks.value_rows(tile_.sequence, tile_.kv_head, position);
      if constexpr (has_scales<Element>) {
        piece.scales[group] = scales_at(position);
      }
      std::int64_t const after = position + piece_positions_;
      piece.keys_after[group] =
          after < end_ ? cache_ + call_.blocks.key_panel(tile_.sequence, tile_.kv_head, after)
                       : piece.keys[group];
    }
    return piece;
  }

  [[nodiscard]] GroupScales scales_at(std::int64_t position) const {
    auto const floats_at = [&](std::int64_t byte) {
      return reinterpret_cast<float const*>(call_.cache.data() + byte);
    };
    return {floats_at(call_.blocks.key_scales(tile_.sequence, tile_.kv_head, position)),
            floats_at(call_.blocks.value_scales(tile_.sequence, tile_.kv_head, position))};
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  Method<Element> method_;
  Element const* cache_;
  std::int64_t piece_positions_;
  std::int64_t start_;  ///< first position that a row sees, cut to groups
  std::int64_t end_;
};

/// Merges what the next segment gives into what those before it gave.
void merge(RowSums const& next, std::int64_t rows, RowSums& sums) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float const maximum = std::max(sums.maximum[row], next.maximum[row]);
    float const old_share = exp2_of_negative(sums.maximum[row] - maximum);
    float const new_share = exp2_of_negative(next.maximum[row] - maximum);
    sums.maximum[row] = maximum;
    sums.sum[row] = sums.sum[row] * old_share + next.sum[row] * new_share;
    float* const values = sums.values + row * sums.stride;
    float const* const new_values = next.values + row * next.stride;
    for (std::int64_t d = 0; d < sums.stride; d += num_lanes) {
      Lanes const scaled = load(new_values + d) * broadcast(new_share);
      store(values + d, multiply_add(load(values + d), broadcast(old_share), scaled));
    }
  }
}

/// Divides sums of values by those of weights. A sink's share joins the weights.
void divide(AttentionCall const& call, QueryTile const& tile, RowSums const& sums) {
  std::int64_t const value_dim = call.cache.shape().value_dim;
  for (std::int64_t row = 0; row < tile.rows(); ++row) {
    float share = 1.0F;
    float sum = sums.sum[row];
    if (!call.heads.sinks.empty()) {
      float const sink = call.heads.sinks[static_cast<std::size_t>(tile.head_of(row))] * log2_of_e;
      float const maximum = std::max(sums.maximum[row], sink);
      share = exp2_of_negative(sums.maximum[row] - maximum);
      sum = sum * share + exp2_of_negative(sink - maximum);
    }
    float* const out = out_row(call, tile, row);
    for (std::int64_t d = 0; d < value_dim; d += num_lanes) {
      Lanes const values = load(sums.values + row * sums.stride + d);
      store_some(out + d, values * broadcast(share) / broadcast(sum), value_dim - d);
    }
  }
}

template <class Walk>
void attend_all(AttentionCall const& call, QueryTile const& tile) {
  AttentionScratch scratch;
  Walk walk{call, tile, scratch};
  SegmentRange const segments = segments_of(call, tile);
  RowSums sums;
  RowSums next;
  sums.values = scratch.values;
  next.values = scratch.segment;
  sums.stride = next.stride = padded(call.cache.shape().value_dim);
  walk.run(segments.first, sums);
  for (std::int64_t segment = segments.first + 1; segment < segments.last; ++segment) {
    walk.run(segment, next);
    merge(next, tile.rows(), sums);
  }
  divide(call, tile, sums);
}

/// Calls function with the walk that fits the cache, as std::type_identity<TileWalk<...>>.
template <class Function>
void with_walk(KvShape const& shape, Function const& function) {
#if TALUS_TARGET_HAS_TILES
  if (TilePiece<std::uint16_t>::fits(shape)) {
    return function(std::type_identity<TileWalk<std::uint16_t, TilePiece>>{});
  }
#endif
  with_kv_element(shape.dtype, [&](auto element) {
    using Element = typename decltype(element)::type;
    shape.value_in_key ? function(std::type_identity<TileWalk<Element, LatentPiece>>{})
                       : function(std::type_identity<TileWalk<Element, GroupedPiece>>{});
  });
}

}  // namespace

std::int64_t query_rows_for(KvShape const& shape) {
  std::int64_t const key_dim = shape.key_dim;
  std::int64_t const fitting = std::min({max_query_rows,
                                         AttentionScratch::query_floats / key_dim,
                                         AttentionScratch::value_floats / padded(shape.value_dim)});
  return fitting / num_lanes * num_lanes;
}

SegmentRange segments_of(AttentionCall const& call, QueryTile const& tile) {
  std::int64_t const first = visible_to(call, tile, 0).first;
  std::int64_t const last = visible_to(call, tile, tile.rows() - 1).last - 1;
  return {first / segment_positions, last / segment_positions + 1};
}

std::int64_t partial_floats(std::int64_t rows, KvShape const& shape) {
  return rows * (2 + padded(shape.value_dim));
}

void attend(AttentionCall const& call, QueryTile const& tile) {
  with_walk(call.cache.shape(),
            [&](auto walk) { attend_all<typename decltype(walk)::type>(call, tile); });
}

void attend_segment(AttentionCall const& call,
                    QueryTile const& tile,
                    std::int64_t segment,
                    float* partial) {
  AttentionScratch scratch;
  RowSums sums;
  use_partial(call, tile, partial, sums);
  with_walk(call.cache.shape(), [&](auto walk) {
    typename decltype(walk)::type{call, tile, scratch}.run(segment, sums);
  });
  save_partial(tile, sums, partial);
}

void merge_partial(AttentionCall const& call,
                   QueryTile const& tile,
                   float* next_partial,
                   float* partial) {
  RowSums sums;
  RowSums next;
  load_partial(call, tile, partial, sums);
  load_partial(call, tile, next_partial, next);
  merge(next, tile.rows(), sums);
  save_partial(tile, sums, partial);
}

void finish_partial(AttentionCall const& call, QueryTile const& tile, float* partial) {
  RowSums sums;
  load_partial(call, tile, partial, sums);
  divide(call, tile, sums);
}

}  // namespace talus::kernels::TALUS_TARGET
