// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/row_search.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::block {

/// How many top tokens a row is asked for, and where they go.
struct TopRequest {
  std::int32_t row = 0;
  std::int32_t count = 0;  ///< 1 or more
  std::int64_t first = 0;
};

/// A token as one number that is greater for one that comes earlier in the order of sampling.
using TokenPlace = std::uint64_t;

/// The top tokens of rows, in any order.
///
/// Grid: rows that are asked for any. Block: 512 threads search the row. Shared memory: RowSearch's
/// and a counter.
struct TopTokens {
  static constexpr char const* name = "talus::kernels::top_tokens";

  SummarizedLogits rows;
  GlobalSpan<TopRequest const> requests;
  GlobalSpan<TokenPlace> places;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return RowSearch<int>::shared_bytes() + shared_bytes_of<std::int32_t>(1);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    TopRequest const request = block.load(requests, block.block_index().x);
    LogitRow const row{rows, request.row};
    RowSearch<Block> search{block, row};
    auto const next = shared_array<std::int32_t>(block, 1);
    search.begin({search.greatest()}, least_key, request.count);
    Prefix const kept = search.first_to({.count = request.count});
    if (block.thread_index() == 0) {
      block.store(next, 0, 0);
    }
    block.sync();
    row.for_each_token(block, kept.key, [&](std::int64_t token, std::uint32_t key) {
      if (kept.has(key, token)) {
        block.store(places, request.first + block.atomic_add(next, 0, 1), place_of(key, token));
      }
    });
  }

  [[nodiscard]] static constexpr std::int32_t token_of(TokenPlace place) {
    return static_cast<std::int32_t>(last_token - static_cast<std::uint32_t>(place & last_token));
  }

 private:
  static constexpr std::uint32_t last_token = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] static constexpr TokenPlace place_of(std::uint32_t key, std::int64_t token) {
    return TokenPlace{key} << 32U | (last_token - static_cast<std::uint32_t>(token));
  }
};

/// The ranks of tokens in their rows.
///
/// Grid: rows. Block: 256 threads count. Shared memory: one integer a warp.
struct RankOf {
  static constexpr char const* name = "talus::kernels::rank_of";
  static constexpr int threads = 256;

  SummarizedLogits rows;
  GlobalSpan<std::int32_t const> tokens;
  GlobalSpan<std::int32_t> ranks;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const partial = shared_array<std::int32_t>(block, scan_size(threads));
    LogitRow const row{rows, block.block_index().x};
    std::int32_t const token = block.load(tokens, row.number);
    std::int32_t greater = 0;
    if (token >= 0) {
      float const logit = block.load(rows.logits, row.number, token);
      std::uint32_t const own = logit == logit ? key_of(logit) : nothing_is_greater;
      row.for_each_token(
          block, own, [&](std::int64_t, std::uint32_t key) { greater += key > own ? 1 : 0; });
    }
    std::int32_t const total = block_scan(block, greater, partial).total;
    if (block.thread_index() == 0) {
      block.store(ranks, row.number, token < 0 ? 0 : total + 1);
    }
  }

 private:
  static constexpr std::uint32_t nothing_is_greater = std::numeric_limits<std::uint32_t>::max();
};

/// A token of a row.
struct RowToken {
  std::int32_t row = 0;
  std::int32_t token = 0;
};

/// Grid: pieces of the list. Block: a thread a token. No shared memory.
struct LogitsOf {
  static constexpr char const* name = "talus::kernels::logits_of";

  MatrixView<float const> logits;
  GlobalSpan<RowToken const> tokens;
  GlobalSpan<float> values;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const i = block.block_index().x * block.num_threads() + block.thread_index();
    if (i < tokens.size) {
      RowToken const place = block.load(tokens, i);
      block.store(values, i, block.load(logits, place.row, place.token));
    }
  }
};

/// The few tokens are ordered by the host, which wants them.
template <class Device>
void top_tokens(Device& device,
                SummarizedLogits const& rows,
                std::span<std::int32_t const> counts,
                std::span<std::int32_t> ids) {
  std::vector<TopRequest> requests;
  std::int64_t first = 0;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    if (counts[row] > 0) {
      requests.push_back({static_cast<std::int32_t>(row), counts[row], first});
    }
    first += counts[row];
  }
  if (requests.empty()) {
    return;
  }
  auto const places = device.template scratch<TokenPlace>(first);
  device.launch({{std::ssize(requests)}, RowSearch<int>::threads, TopTokens::shared_bytes()},
                TopTokens{rows, device.upload(std::span{std::as_const(requests)}), places});
  std::vector<TokenPlace> found(ids.size());
  device.download(places, std::span{found});
  for (TopRequest const& request : requests) {
    auto const begin = found.begin() + request.first;
    std::sort(begin, begin + request.count, std::greater<>{});
  }
  std::transform(found.begin(), found.end(), ids.begin(), TopTokens::token_of);
}

template <class Device>
void rank_of(Device& device,
             SummarizedLogits const& rows,
             std::span<std::int32_t const> tokens,
             std::span<std::int32_t> ranks) {
  if (tokens.empty()) {
    return;
  }
  auto const found = device.template scratch<std::int32_t>(rows.logits.rows);
  device.launch({{rows.logits.rows},
                 RankOf::threads,
                 shared_bytes_of<std::int32_t>(scan_size(RankOf::threads))},
                RankOf{rows, device.upload(tokens), found});
  device.download(found, ranks);
}

template <class Device>
void logits_of(Device& device,
               MatrixView<float const> logits,
               std::span<std::int32_t const> counts,
               std::span<std::int32_t const> tokens,
               std::span<float> values) {
  if (tokens.empty()) {
    return;
  }
  std::vector<RowToken> places;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    for (std::int32_t i = 0; i < counts[row]; ++i) {
      places.push_back({static_cast<std::int32_t>(row), tokens[places.size()]});
    }
  }
  auto const found = device.template scratch<float>(std::ssize(tokens));
  int const threads = threads_for(found.size);
  device.launch({{ceil_div(found.size, threads)}, threads},
                LogitsOf{logits, device.upload(std::span{std::as_const(places)}), found});
  device.download(found, values);
}

}  // namespace talus::kernels::block
