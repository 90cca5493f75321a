// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>

#include "kernels/lanes/lanes.hpp"
#include "kernels/lanes/shares.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::TALUS_TARGET {

/// One row of logits and the summary of its blocks.
struct LogitRow {
  LogitRow(SummarizedLogits const& rows, std::int64_t row)
      : logits{rows.logits.data + row * rows.logits.row_stride},
        maxima{rows.maxima.data + row * rows.maxima.row_stride},
        sums{rows.sums.data + row * rows.sums.row_stride},
        vocab{rows.logits.cols} {}

  [[nodiscard]] std::int64_t num_blocks() const noexcept { return num_logit_blocks(vocab); }

  float const* logits;
  float const* maxima;
  float const* sums;
  std::int64_t vocab;
};

[[nodiscard]] float greatest_of(LogitRow const& row);

/// Calls visit(first token, logits) for each sixteen logits of a block, the last ones filled up
/// with minus infinity.
template <class Visit>
[[gnu::always_inline]] inline void for_each_lanes(LogitRow const& row,
                                                  std::int64_t block,
                                                  Visit const& visit) {
  std::int64_t const first = block * logit_block;
  std::int64_t const last = std::min(first + logit_block, row.vocab);
  for (std::int64_t v = first; v < last; v += num_lanes) {
    visit(v, load_some(row.logits + v, last - v, -std::numeric_limits<float>::infinity()));
  }
}

/// Calls visit(block) for the blocks that have a logit of `least` or more.
template <class Visit>
void for_each_block(LogitRow const& row, float least, Visit const& visit) {
  Lanes const bound = broadcast(least);
  for (std::int64_t block = 0; block < row.num_blocks(); block += num_lanes) {
    std::int64_t const size = std::min<std::int64_t>(num_lanes, row.num_blocks() - block);
    std::uint32_t bits = bits_at_least(load_some(row.maxima + block, size), bound);
    bits &= 0xFFFFU >> (num_lanes - size);
    for (; bits != 0; bits &= bits - 1) {
      visit(block + std::countr_zero(bits));
    }
  }
}

/// Some tokens in the order of sampling: logit descending, token ascending.
class SortedTokens {
 public:
  static constexpr std::int64_t capacity = 1024;

  void clear() noexcept { size_ = 0; }

  /// \return false if it is full
  bool add(float logit, std::int64_t token) noexcept;

  void sort();

  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

  [[nodiscard]] std::int32_t token(std::int64_t i) const noexcept {
    return static_cast<std::int32_t>(0xFFFFFFFFU - static_cast<std::uint32_t>(keys_[i]));
  }

  [[nodiscard]] float logit(std::int64_t i) const noexcept;

 private:
  std::int64_t size_ = 0;
  std::uint64_t keys_[capacity];
};

/// The least of logits that about `count` blocks have; minus infinity if there are too few.
[[nodiscard]] float bound_of_first(LogitRow const& row, float greatest, std::int64_t count);

/// Collects and sorts all tokens with logits of `least` or more; false if they are too many.
[[nodiscard]] bool collect_from(LogitRow const& row, float least, SortedTokens& tokens);

/// The first tokens of a row, up to and with one.
struct Prefix {
  float logit = 0.0F;      ///< of the last one
  std::int32_t token = 0;  ///< the last one
  double sum = 0.0;        ///< of their shares
};

/// Whether `a` ends before `b`.
[[nodiscard]] inline bool ends_before(Prefix const& a, Prefix const& b) noexcept {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

/// What a search of first tokens stops at.
struct Goal {
  std::int64_t count = std::numeric_limits<std::int64_t>::max();  ///< so many of them
  double at_least = std::numeric_limits<double>::infinity();      ///< or shares with this sum
  double above = std::numeric_limits<double>::infinity();         ///< or shares with a greater sum

  [[nodiscard]] bool is_reached(std::int64_t number, double sum) const noexcept {
    return number >= count || sum >= at_least || sum > above;
  }
};

/// Searches a row in the order of sampling, its tail far below the greatest logits left unread
/// where that can be.
///
/// First among the few tokens with the greatest logits, which the blocks' maxima find. Who must go
/// further goes through the whole row: histograms over linear buckets of the logits narrow a range
/// down until few tokens, or equal ones, are left in it.
class RowSearch {
 public:
  /// \param greatest     the row's, finite
  /// \param temperature  > 0
  /// \param min_share    only tokens with this share of the greatest or more; 0: all
  RowSearch(LogitRow const& row, float greatest, float temperature, float min_share);

  /// Sum of the shares of all tokens that are searched.
  [[nodiscard]] double sum();

  /// The fewest first tokens that reach the goal; all that are searched if they don't.
  [[nodiscard]] Prefix first_to(Goal const& goal);

 private:
  static constexpr int num_buckets = 1024;
  static constexpr std::int64_t wanted_at_first = 32;  ///< tokens that most searches end among

  /// A range of logits, and what comes before it.
  struct Span {
    float least = 0.0F;
    float greatest = 0.0F;
    float width = 0.0F;  ///< over which buckets are spread; the last one takes what is below, too
    std::int64_t count_before = 0;
    double sum_before = 0.0;
  };

  /// What of a span fell into one bucket.
  struct Bucket {
    std::int64_t count = 0;
    double sum = 0.0;
  };

  /// What is in the bucket that a search goes on in.
  struct Content {
    std::int64_t count = 0;
    float least = 0.0F;
    float greatest = 0.0F;
  };

  [[nodiscard]] float least_logit(float share) const;
  [[nodiscard]] double sum_of_blocks() const;
  [[nodiscard]] double sum_to_floor() const;
  [[nodiscard]] bool collect_first(std::int64_t wanted);
  [[nodiscard]] bool find_among_tokens(Span const& span, Goal const& goal, Prefix& found) const;
  [[nodiscard]] Prefix search_all(Goal const& goal);
  template <class Visit>
  void for_each_in(Span const& span, Visit const& visit) const;
  void count(Span const& span, Bucket* buckets) const;
  [[nodiscard]] Content collect(Span const& span, int bucket);
  [[nodiscard]] Prefix find_tie(Span const& span, std::int64_t count, Goal const& goal) const;

  LogitRow row_;
  float greatest_;
  float floor_;  ///< the least logit that is searched
  bool is_all_;  ///< whether there is nothing below the floor but what has no share
  ShareRule share_;
  SortedTokens tokens_;
  std::int64_t wanted_ = 0;    ///< tokens_ were to be this many of the row's first; 0: are others
  bool has_to_floor_ = false;  ///< whether they are all that are searched
};

}  // namespace talus::kernels::TALUS_TARGET
