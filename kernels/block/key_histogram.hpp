// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/logit_keys.hpp"
#include "kernels/block/scan.hpp"

namespace talus::kernels::block {

/// How many tokens, and the units of their shares.
struct Tally {
  std::int64_t count = 0;
  std::int64_t units = 0;

  friend constexpr Tally operator+(Tally const& a, Tally const& b) {
    return {a.count + b.count, a.units + b.units};
  }

  friend constexpr Tally operator-(Tally const& a, Tally const& b) {
    return {a.count - b.count, a.units - b.units};
  }
};

/// What fell into each bucket; then, what fell into it and those before. In the shared memory of a
/// block that has a thread for each bucket, all of which call everything but add().
class KeyHistogram {
 public:
  static constexpr std::int64_t size = KeyBuckets::count;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::int32_t>(size) + shared_bytes_of<std::int64_t>(size);
  }

  template <class Block>
  TALUS_DEVICE explicit KeyHistogram(Block& block)
      : counts_{shared_array<std::int32_t>(block, size)},
        units_{shared_array<std::int64_t>(block, size)} {}

  /// Between two barriers.
  template <class Block>
  TALUS_DEVICE void clear(Block& block) const {
    block.sync();
    block.store(counts_, block.thread_index(), 0);
    block.store(units_, block.thread_index(), 0);
    block.sync();
  }

  /// Adds a token to a bucket.
  template <class Block>
  TALUS_DEVICE void add(Block& block, int bucket, std::int64_t units) const {
    block.atomic_add(counts_, bucket, 1);
    block.atomic_add(units_, bucket, units);
  }

  /// To each bucket, what is in those before. Between two barriers.
  template <class Block>
  TALUS_DEVICE void sum_up(Block& block, SharedSpan<std::int64_t> partial) const {
    block.sync();
    int const own = block.thread_index();
    auto const count = block_scan(block, std::int64_t{block.load(counts_, own)}, partial);
    block.store(counts_, own, static_cast<std::int32_t>(count.upto));
    block.store(units_, own, block_scan(block, block.load(units_, own), partial).upto);
    block.sync();
  }

  /// What is in buckets 0 to `bucket`, after sum_up().
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Tally upto(Block& block, int bucket) const {
    if (bucket < 0) {
      return {};
    }
    return {block.load(counts_, bucket), block.load(units_, bucket)};
  }

  template <class Block>
  [[nodiscard]] TALUS_DEVICE Tally total(Block& block) const {
    return upto(block, KeyBuckets::count - 1);
  }

 private:
  SharedSpan<std::int32_t> counts_;
  SharedSpan<std::int64_t> units_;
};

}  // namespace talus::kernels::block
