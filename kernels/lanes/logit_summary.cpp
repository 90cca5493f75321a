// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/row_search.hpp"
#include "kernels/lanes/shares.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Blocks that a thread takes at once: 16 KiB of logits.
constexpr std::int64_t chunk_blocks = 64;

/// Logits whose powers are summed in lanes before they join the sum of the others.
constexpr std::int64_t piece_logits = 4096;

constexpr float never = -std::numeric_limits<float>::infinity();

/// The greatest of up to logit_block logits; what is not a number is left out.
float maximum_of_block(float const* logits, std::int64_t size) {
  Lanes greatest = broadcast(never);
  for (std::int64_t i = 0; i < size; i += num_lanes) {
    greatest = maximum(load_some(logits + i, size - i, never), greatest);
  }
  return maximum_of(greatest);
}

float share_sum_of_block(float const* logits, std::int64_t size, ShareRule const& share) {
  Lanes sum = broadcast(0.0F);
  for (std::int64_t i = 0; i < size; i += num_lanes) {
    sum = sum + share(load_some(logits + i, size - i, never));
  }
  return sum_of(sum);
}

float log_sum_of(LogitRow const& row) {
  ShareRule const share{greatest_of(row), 1.0F};
  double sum = 0.0;
  for (std::int64_t piece = 0; piece < row.vocab; piece += piece_logits) {
    std::int64_t const end = std::min(piece + piece_logits, row.vocab);
    Lanes powers = broadcast(0.0F);
    for (std::int64_t v = piece; v < end; v += num_lanes) {
      powers = powers + share(load_some(row.logits + v, end - v, never));
    }
    sum += sum_of(powers);
  }
  return greatest_of(row) + static_cast<float>(std::log(sum));
}

/// top_tokens() over a whole row: a heap of the best so far, the worst of them on top.
void top_tokens_of_all(LogitRow const& row, std::span<std::int32_t> ids) {
  auto const better = [&](std::int32_t a, std::int32_t b) {
    return row.logits[a] > row.logits[b] || (row.logits[a] == row.logits[b] && a < b);
  };
  auto const size = std::ssize(ids);
  for (std::int64_t v = 0; v < size; ++v) {
    ids[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(v);
  }
  std::make_heap(ids.begin(), ids.end(), better);
  for (std::int64_t v = size; v < row.vocab; ++v) {
    auto const token = static_cast<std::int32_t>(v);
    if (better(token, ids.front())) {
      std::pop_heap(ids.begin(), ids.end(), better);
      ids.back() = token;
      std::push_heap(ids.begin(), ids.end(), better);
    }
  }
  std::sort_heap(ids.begin(), ids.end(), better);
}

void top_tokens_of_row(LogitRow const& row, std::span<std::int32_t> ids) {
  SortedTokens tokens;
  auto const count = std::ssize(ids);
  if (count == 0) {
    return;
  }
  bool const is_short = collect_from(row, bound_of_first(row, greatest_of(row), count), tokens);
  if (!is_short || tokens.size() < count) {
    return top_tokens_of_all(row, ids);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    ids[static_cast<std::size_t>(i)] = tokens.token(i);
  }
}

std::int32_t rank_in_row(LogitRow const& row, std::int32_t token) {
  Lanes const own = broadcast(row.logits[token]);
  int greater = 0;
  for (std::int64_t block = 0; block < row.num_blocks(); ++block) {
    if (row.maxima[block] > row.logits[token]) {
      for_each_lanes(row, block, [&](std::int64_t, Lanes const& values) {
        greater += std::popcount(bits_at_least(values, own) & ~bits_at_least(own, values));
      });
    }
  }
  return greater + 1;
}

}  // namespace

void summarize_logits(ExecContext const& exec,
                      MatrixView<float const> logits,
                      std::span<float const> temperatures,
                      LogitSummary const& summary) {
  std::int64_t const blocks = summary.maxima.cols;
  std::int64_t const chunks = (blocks + chunk_blocks - 1) / chunk_blocks;
  std::int64_t const cost = logits.rows * logits.cols / num_lanes;
  auto const summarize_block = [&](std::int64_t row, std::int64_t block) {
    std::int64_t const first = block * logit_block;
    std::int64_t const size = std::min(logit_block, logits.cols - first);
    float const* const from = logits.data + row * logits.row_stride + first;
    float const temperature = temperatures[static_cast<std::size_t>(row)];
    float const maximum = maximum_of_block(from, size);
    summary.maxima.data[row * summary.maxima.row_stride + block] = maximum;
    summary.sums.data[row * summary.sums.row_stride + block] =
        temperature > 0.0F ? share_sum_of_block(from, size, {maximum, temperature}) : 0.0F;
  };
  for_each(exec, "talus::kernels::summarize_logits", logits.rows * chunks, cost, [&](auto i) {
    std::int64_t const first = i % chunks * chunk_blocks;
    for (std::int64_t block = first; block < std::min(first + chunk_blocks, blocks); ++block) {
      summarize_block(i / chunks, block);
    }
  });
}

void log_sum_exp(ExecContext const& exec, SummarizedLogits const& rows, std::span<float> log_sums) {
  std::int64_t const cost = rows.logits.rows * rows.logits.cols;
  for_each(exec, "talus::kernels::log_sum_exp", rows.logits.rows, cost, [&](std::int64_t row) {
    log_sums[static_cast<std::size_t>(row)] = log_sum_of(LogitRow{rows, row});
  });
}

void top_tokens(ExecContext const& exec,
                SummarizedLogits const& rows,
                std::span<std::int32_t const> counts,
                std::span<std::int32_t> ids) {
  std::int64_t const cost = rows.maxima.rows * rows.maxima.cols;
  for_each(exec, "talus::kernels::top_tokens", rows.logits.rows, cost, [&](std::int64_t row) {
    auto const first = std::accumulate(counts.begin(), counts.begin() + row, std::size_t{0});
    auto const count = static_cast<std::size_t>(counts[static_cast<std::size_t>(row)]);
    top_tokens_of_row({rows, row}, ids.subspan(first, count));
  });
}

void rank_of(ExecContext const& exec,
             SummarizedLogits const& rows,
             std::span<std::int32_t const> tokens,
             std::span<std::int32_t> ranks) {
  std::int64_t const cost = rows.maxima.rows * rows.maxima.cols;
  for_each(exec, "talus::kernels::rank_of", rows.logits.rows, cost, [&](std::int64_t row) {
    std::int32_t const token = tokens[static_cast<std::size_t>(row)];
    ranks[static_cast<std::size_t>(row)] = token < 0 ? 0 : rank_in_row({rows, row}, token);
  });
}

}  // namespace talus::kernels::TALUS_TARGET
