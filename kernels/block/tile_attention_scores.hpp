// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_fragments.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "kernels/block/tile_attention_work.hpp"

/// \file
/// Products of queries with the keys of a step.

namespace talus::kernels::block {

/// Words [first, last) of the keys.
struct KeyWords {
  std::int32_t first = 0;
  std::int32_t last = 0;
};

/// Adds products of some words of the keys, but for positions that nobody sees.
template <class Work, class Block>
TALUS_DEVICE void add_products(Block& block,
                               typename Work::Stage const& stage,
                               Work const& work,
                               TileStep const& step,
                               KeyWords const& words,
                               typename Work::Scores& products) {
  using Kind = typename Work::Kind;
  constexpr int groups = piece_groups<Kind>;
  std::int32_t const stride = stage.key_stride();
  std::int32_t const query_stride = stage.query_stride();
  int const first = work.column * Work::shape.warp_scores() * fragment_rows;
  std::int32_t const query =
      work.first_query * query_stride + left_piece_row(work.lane, query_stride);
  std::int32_t const key =
      (step.slot * attention_step + first) * stride + right_piece_row(work.lane, stride);
  for (std::int32_t i = words.first; i < words.last; i += fragment_inputs) {
    LeftFragment queries[std::size_t{groups}][Work::num_left];
    TALUS_UNROLL
    for (int g = 0; g < groups; ++g) {
      TALUS_UNROLL
      for (std::size_t f = 0; f < Work::num_left; ++f) {
        std::int32_t const row = static_cast<std::int32_t>(f) * fragment_outputs * query_stride;
        std::int32_t const element = i * groups + g * fragment_inputs;
        queries[g][f] = block.load_pieces(work.queries, query + row + element, width<4>);
      }
    }
    TALUS_UNROLL
    for (std::size_t n = 0; n < Work::num_scores; n += 2) {
      auto const row = static_cast<std::int32_t>(n) * fragment_rows;
      if (first + row < step.count) {
        auto const pieces = block.load_pieces(work.staged.keys, key + row * stride + i, width<4>);
        TALUS_UNROLL
        for (int g = 0; g < groups; ++g) {
          FragmentPair const both = key_fragments<Kind>(pieces, g);
          TALUS_UNROLL
          for (std::size_t f = 0; f < Work::num_left; ++f) {
            SumFragment(&of)[Work::num_scores] = products.of[f];
            of[n] = block.mma(queries[g][f], {both[0], both[1]}, of[n]);
            of[n + 1] = block.mma(queries[g][f], {both[2], both[3]}, of[n + 1]);
          }
        }
      }
    }
  }
}

/// Products with the parts of latents that are values have one scale, and those with the others
/// another.
template <class Work, class Block>
TALUS_DEVICE void add_latent_products(Block& block,
                                      typename Work::Stage const& stage,
                                      Work const& work,
                                      TileStep const& step,
                                      typename Work::Scores& products) {
  auto const words =
      static_cast<std::int32_t>(row_words(Work::Kind::dtype, stage.layout.shape.value_dim));
  add_products(block, stage, work, step, {0, words}, products);
  typename Work::Scores others{};
  add_products(block, stage, work, step, {words, stage.key_words()}, others);
  work.each_score([&](std::size_t f, std::size_t n, int k) {
    int const first = work.position(n, 0);
    ScalePair const value = stage.value_scales(block, work.staged, step.slot, first);
    ScalePair const other = stage.key_scales(block, work.staged, step.slot, first);
    float& product = products.of[f][n][k];
    product = multiply_add(others.of[f][n][k], other[k % 2], product * value[k % 2]);
  });
}

/// Products of the warp's queries with its positions of a step, times the keys' scales.
template <class Work, class Block>
[[nodiscard]] TALUS_DEVICE typename Work::Scores products_of(Block& block,
                                                             typename Work::Stage const& stage,
                                                             Work const& work,
                                                             TileStep const& step) {
  typename Work::Scores products{};
  if constexpr (has_scales<typename Work::Kind>) {
    if constexpr (Work::shape.has_latents()) {
      if (stage.layout.shape.value_in_key) {
        add_latent_products(block, stage, work, step, products);
        return products;
      }
    }
    add_products(block, stage, work, step, {0, stage.key_words()}, products);
    work.each_score([&](std::size_t f, std::size_t n, int k) {
      int const first = work.position(n, 0);
      products.of[f][n][k] *= stage.key_scales(block, work.staged, step.slot, first)[k % 2];
    });
  } else {
    add_products(block, stage, work, step, {0, stage.key_words()}, products);
  }
  return products;
}

}  // namespace talus::kernels::block
