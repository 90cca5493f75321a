// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/block/block.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/block/key_histogram.hpp"
#include "kernels/block/logit_keys.hpp"
#include "kernels/block/logit_row.hpp"
#include "kernels/block/scan.hpp"
#include "kernels/block/share_units.hpp"

namespace talus::kernels::block {

/// What a search of first tokens stops at.
struct Goal {
  std::int64_t count = std::numeric_limits<std::int64_t>::max();  ///< so many of them
  double at_least = std::numeric_limits<double>::infinity();      ///< or units with this sum
  double above = std::numeric_limits<double>::infinity();         ///< or units with a greater sum

  [[nodiscard]] constexpr bool is_reached(Tally const& tally) const {
    auto const sum = static_cast<double>(tally.units);
    return tally.count >= count || sum >= at_least || sum > above;
  }
};

/// The first tokens of a row in the order of sampling, up to and with one.
struct Prefix {
  std::uint32_t key = 0;                                          ///< of the last one
  std::int32_t token = std::numeric_limits<std::int32_t>::max();  ///< the last one
  std::int64_t units = 0;                                         ///< of their shares

  [[nodiscard]] constexpr bool has(std::uint32_t other, std::int64_t number) const {
    return other > key || (other == key && number <= token);
  }

  [[nodiscard]] constexpr bool ends_before(Prefix const& other) const {
    return !has(other.key, other.token);
  }
};

/// Searches a row in the order of sampling: logit descending, token ascending. For a block of 512
/// threads, all of which call everything, and get the same.
///
/// First among the tokens of the few blocks of logits with the greatest maxima; who must go further
/// goes through all that can be drawn. A histogram finds the bucket in which the goal is reached,
/// histograms of that one's keys narrow it down to one token, or to equal ones, which are counted.
/// Tokens and units are whole numbers, so that it doesn't matter who adds what first.
template <class Block>
class RowSearch {
 public:
  static constexpr int threads = KeyBuckets::count;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return 2 * KeyHistogram::shared_bytes() + shared_bytes_of<float>(reduce_floats(threads)) +
           shared_bytes_of<std::int64_t>(scan_size(threads)) + shared_bytes_of<std::int32_t>(1);
  }

  TALUS_DEVICE RowSearch(Block& block, LogitRow const& row)
      : block_{block},
        row_{row},
        first_{block},
        second_{block},
        floats_{shared_array<float>(block, reduce_floats(threads))},
        partial_{shared_array<std::int64_t>(block, scan_size(threads))},
        found_{shared_array<std::int32_t>(block, 1)},
        greatest_{row.greatest(block, floats_)} {}

  /// The row's greatest logit.
  [[nodiscard]] TALUS_DEVICE float greatest() const { return greatest_; }

  /// Before sums of units and first_to().
  ///
  /// \param least   the least key of tokens that are searched
  /// \param blocks  how many blocks of logits to look at first
  TALUS_DEVICE void begin(ShareUnits const& share, std::uint32_t least, std::int64_t blocks) {
    share_ = share;
    all_ = {least, key_of(greatest_)};
    float lowest = greatest_;
    row_.for_each_maximum(block_, [&](std::int64_t, std::uint32_t key) {
      lowest = all_.has(key) ? minimum(logit_of(key), lowest) : lowest;
    });
    block_.sync();
    maxima_spread_ = greatest_ + block_reduce<Maximum>(block_, 0.0F - lowest, floats_);
    look_at({bound_of(blocks), all_.greatest});
  }

  /// Units of the tokens that are searched, if begin() was to look at all blocks.
  [[nodiscard]] TALUS_DEVICE std::int64_t seen_units() { return first_.total(block_).units; }

  /// The same, of all that the row has, by the sums of its blocks, which are rounded otherwise.
  [[nodiscard]] TALUS_DEVICE std::int64_t sum_of_blocks() {
    std::int64_t units = 0;
    row_.for_each_maximum(block_, [&](std::int64_t b, std::uint32_t key) {
      float const sum = block_.load(row_.rows.sums, row_.number, b);
      units += share_.units(share_.share(logit_of(key)) * sum);
    });
    return block_scan(block_, units, partial_).total;
  }

  /// The fewest first tokens that reach the goal; all that are searched if they don't.
  [[nodiscard]] TALUS_DEVICE Prefix first_to(Goal goal) {
    if (!goal.is_reached(first_.total(block_))) {
      look_at_all();
    }
    Tally const all = first_.total(block_);
    goal = goal.is_reached(all) ? goal : Goal{.count = all.count};
    Bucket bucket = choose(first_, first_buckets_, goal, {});
    while (bucket.keys.least < bucket.keys.greatest && bucket.own.count > 1) {
      KeyBuckets const buckets = KeyBuckets::by_keys(bucket.keys);
      fill(second_, buckets, bucket.keys);
      bucket = choose(second_, buckets, goal, bucket.before);
    }
    return find_tie(bucket, goal);
  }

  /// Token `number`, from 1, of those with a key of the range, which are so many or more.
  [[nodiscard]] TALUS_DEVICE std::int32_t find_token(KeyRange keys, std::int64_t number) {
    int const lane = block_.thread_index() % warp_size;
    std::int64_t own = 0;  // of the warp
    row_.for_each_token(block_, keys.least, [&](std::int64_t, std::uint32_t key) {
      own += count_bits(block_.ballot(keys.has(key)));
    });
    std::int64_t const end = block_scan(block_, lane == 0 ? own : 0, partial_).upto;
    std::int64_t left = number - (end - own);
    if (left > 0 && left <= own) {
      row_.for_each_token(block_, keys.least, [&](std::int64_t token, std::uint32_t key) {
        std::uint32_t const lanes = block_.ballot(keys.has(key));
        std::uint32_t const upto = lanes & 0xFFFFFFFFU >> static_cast<unsigned>(31 - lane);
        if (keys.has(key) && count_bits(upto) == left) {
          block_.store(found_, 0, static_cast<std::int32_t>(token));
        }
        left -= count_bits(lanes);
      });
    }
    block_.sync();
    return block_.load(found_, 0);
  }

 private:
  /// The bucket that a search goes on in, and what comes before it.
  struct Bucket {
    KeyRange keys;
    Tally before;
    Tally own;
  };

  /// How far below the greatest of `keys` there is much, if that is as far as `spread`.
  [[nodiscard]] TALUS_DEVICE static float width_of(KeyRange keys, float spread) {
    float const all = logit_of(keys.greatest) - logit_of(keys.least);
    return spread > 0.0F && spread < all ? spread : all;
  }

  TALUS_DEVICE void look_at(KeyRange keys) {
    // Logits reach as far below the maxima of blocks as these below the greatest, some times over.
    first_buckets_ = KeyBuckets::by_logits(keys, width_of(keys, 8.0F * maxima_spread_));
    is_of_all_ = keys.least == all_.least;
    fill(first_, first_buckets_, keys);
  }

  TALUS_DEVICE void look_at_all() {
    if (!is_of_all_) {
      look_at(all_);
    }
  }

  TALUS_DEVICE void fill(KeyHistogram const& histogram, KeyBuckets const& buckets, KeyRange keys) {
    histogram.clear(block_);
    row_.for_each_token(block_, keys.least, [&](std::int64_t, std::uint32_t key) {
      if (keys.has(key)) {
        histogram.add(block_, buckets.of(key), share_.units(share_.share(logit_of(key))));
      }
    });
    histogram.sum_up(block_, partial_);
  }

  /// The least key of so many blocks' maxima or a few more; that of all if there are too few.
  [[nodiscard]] TALUS_DEVICE std::uint32_t bound_of(std::int64_t blocks) {
    if (blocks >= row_.num_blocks()) {
      return all_.least;
    }
    KeyBuckets const buckets = KeyBuckets::by_logits(all_, width_of(all_, maxima_spread_));
    second_.clear(block_);
    row_.for_each_maximum(block_, [&](std::int64_t, std::uint32_t key) {
      if (all_.has(key)) {
        second_.add(block_, buckets.of(key), 0);
      }
    });
    second_.sum_up(block_, partial_);
    Goal const goal{.count = blocks};
    return goal.is_reached(second_.total(block_)) ? choose(second_, buckets, goal, {}).keys.least
                                                  : all_.least;
  }

  /// The first bucket with which the goal is reached. There is one.
  [[nodiscard]] TALUS_DEVICE Bucket choose(KeyHistogram const& histogram,
                                           KeyBuckets const& buckets,
                                           Goal const& goal,
                                           Tally const& before) {
    int const own = block_.thread_index();
    block_.sync();
    bool const is_before = own == 0 || !goal.is_reached(before + histogram.upto(block_, own - 1));
    if (is_before && goal.is_reached(before + histogram.upto(block_, own))) {
      block_.store(found_, 0, own);
    }
    block_.sync();
    int const bucket = block_.load(found_, 0);
    Tally const prior = histogram.upto(block_, bucket - 1);
    return {buckets.range_of(bucket), before + prior, histogram.upto(block_, bucket) - prior};
  }

  /// The goal among tokens with one key, or among a single one.
  [[nodiscard]] TALUS_DEVICE Prefix find_tie(Bucket const& bucket, Goal const& goal) {
    std::int64_t const each = bucket.own.units / bucket.own.count;
    std::int64_t ties = 1;
    std::int64_t most = bucket.own.count;
    while (ties < most) {
      std::int64_t const middle = ties + (most - ties) / 2;
      bool const is_enough = goal.is_reached(bucket.before + Tally{middle, middle * each});
      most = is_enough ? middle : most;
      ties = is_enough ? ties : middle + 1;
    }
    std::int32_t const token = find_token(bucket.keys, ties);
    return {key_of(block_.load(row_.rows.logits, row_.number, token)),
            token,
            bucket.before.units + ties * each};
  }

  Block& block_;
  LogitRow row_;
  KeyHistogram first_;
  KeyHistogram second_;
  SharedSpan<float> floats_;
  SharedSpan<std::int64_t> partial_;
  SharedSpan<std::int32_t> found_;
  float greatest_;
  ShareUnits share_;
  KeyRange all_;  ///< of tokens that are searched
  float maxima_spread_ = 0.0F;
  KeyBuckets first_buckets_;
  bool is_of_all_ = false;  ///< whether first_ has all tokens that are searched
};

}  // namespace talus::kernels::block
