// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/logit_keys.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::block {

/// One row of logits and the summary of its blocks, which a block of threads works on.
struct LogitRow {
  SummarizedLogits rows;
  std::int64_t number = 0;

  [[nodiscard]] constexpr std::int64_t vocab() const { return rows.logits.cols; }

  [[nodiscard]] constexpr std::int64_t num_blocks() const { return rows.maxima.cols; }

  /// Calls visit(block of logits, its maximum's key) for all of them, shared out to the threads.
  template <class Block, class Visit>
  TALUS_DEVICE void for_each_maximum(Block& block, Visit const& visit) const {
    for (std::int64_t b = block.thread_index(); b < num_blocks(); b += block.num_threads()) {
      visit(b, key_of(block.load(rows.maxima, number, b)));
    }
  }

  /// The greatest logit, to all threads; -infinity if there is no number.
  ///
  /// \param partial  as block_reduce() wants it
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float greatest(Block& block, SharedSpan<float> partial) const {
    float most = Maximum::neutral;
    for_each_maximum(block,
                     [&](std::int64_t, std::uint32_t key) { most = maximum(logit_of(key), most); });
    return block_reduce<Maximum>(block, most, partial);
  }

  /// Calls visit(token, key) for all tokens of the blocks of logits that have a key of `least` or
  /// more, and for tokens that the row doesn't have, with a key of 0: all lanes of a warp at once,
  /// its tokens ascending, behind those of the warps before it.
  template <class Block, class Visit>
  TALUS_DEVICE void for_each_token(Block& block, std::uint32_t least, Visit const& visit) const {
    int const lane = block.thread_index() % warp_size;
    std::int64_t const groups = ceil_div(num_blocks(), warp_size);
    std::int64_t const share = ceil_div(groups, block.num_threads() / warp_size);
    std::int64_t const first = block.thread_index() / warp_size * share;
    std::int64_t const end = first + share < groups ? first + share : groups;
    for (std::int64_t group = first; group < end; ++group) {
      std::int64_t const own = group * warp_size + lane;
      std::uint32_t const key =
          own < num_blocks() ? key_of(block.load(rows.maxima, number, own)) : 0U;
      std::uint32_t const wanted = block.ballot(key >= least);
      for (int b = 0; b < warp_size; ++b) {
        if ((wanted >> static_cast<unsigned>(b) & 1U) != 0U) {
          visit_block(block, group * warp_size + b, lane, visit);
        }
      }
    }
  }

 private:
  template <class Block, class Visit>
  TALUS_DEVICE void visit_block(Block& block,
                                std::int64_t logits,
                                int lane,
                                Visit const& visit) const {
    for (std::int64_t first = 0; first < logit_block; first += warp_size) {
      std::int64_t const v = logits * logit_block + first + lane;
      visit(v, v < vocab() ? key_of(block.load(rows.logits, number, v)) : 0U);
    }
  }
};

}  // namespace talus::kernels::block
