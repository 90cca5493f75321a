// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/attention_task.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/softmax_state.hpp"

/// \file
/// What becomes of pieces: values are [value_dim], as long as `dim` says.

namespace talus::kernels::block {

/// Keeps a row's piece for JoinPieces.
template <class Work, class Block>
TALUS_DEVICE void store_piece(Block& block,
                              AttentionPartials const& partials,
                              Work const& work,
                              std::size_t f,
                              std::size_t half,
                              std::int64_t place,
                              std::int64_t dim) {
  if (work.column == 0 && work.lane % 4 == 0) {
    block.store(partials.greatest, place, work.greatest.of[f][half]);
    block.store(partials.sums, place, work.sums[f][static_cast<int>(half) * 2]);
  }
  work.each_value(half, [&](std::size_t n, int k, std::int32_t element) {
    if (element < dim) {
      block.store(partials.values, place * dim + element, work.values.of[f][n][k]);
    }
  });
}

/// Joins a row's piece to those before.
template <class Work>
TALUS_DEVICE void join_piece(Work& work, std::size_t f, std::size_t half) {
  SoftmaxState const own{work.greatest.of[f][half], work.sums[f][static_cast<int>(half) * 2]};
  JoinShares const shares = work.state[f][half].join(own);
  work.each_value(half, [&](std::size_t n, int k, std::int32_t /*element*/) {
    float& joined = work.joined.of[f][n][k];
    joined = join_values(joined, work.values.of[f][n][k], shares);
  });
  work.greatest.of[f][half] = no_score;
}

/// Joins a piece to those before, or keeps it for JoinPieces; and makes ready for the next one.
template <class Work, class Block>
TALUS_DEVICE void finish_piece(
    Block& block, AttentionTask const& task, Work& work, std::int64_t piece, std::int64_t dim) {
  work.each_row([&](std::size_t f, std::size_t half) {
    if (task.is_split == 0) {
      join_piece(work, f, half);
      return;
    }
    int const query = work.query(f, half);
    if (query < work.tile.num_queries) {
      std::int64_t const place = task.partials.place(work.tile, query, piece);
      store_piece(block, task.partials, work, f, half, place, dim);
    }
  });
  work.values = {};
  TALUS_UNROLL
  for (std::size_t f = 0; f < work.num_left; ++f) {
    work.sums[f] = {};
  }
}

/// Divides and stores the joined pieces.
template <class Work, class Block>
TALUS_DEVICE void store_whole(Block& block,
                              AttentionTask const& task,
                              Work& work,
                              std::int64_t dim) {
  work.each_row([&](std::size_t f, std::size_t half) {
    int const query = work.query(f, half);
    if (query >= work.tile.num_queries) {
      return;
    }
    SoftmaxState& state = work.state[f][half];
    std::int32_t const head = work.tile.head(query);
    JoinShares const sink = join_sink(block, task.sinks, head, state);
    std::int64_t const t = work.tile.first_row + work.tile.row(query);
    work.each_value(half, [&](std::size_t n, int k, std::int32_t element) {
      if (element < dim) {
        float const value = work.joined.of[f][n][k] * sink.older / state.sum;
        block.store(task.out, t, head * dim + element, value);
      }
    });
  });
}

}  // namespace talus::kernels::block
