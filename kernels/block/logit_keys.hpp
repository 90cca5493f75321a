// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "kernels/block/block.hpp"

/// \file
/// Logits as integers that order as they do, and ranges of them.

namespace talus::kernels::block {

/// The key of minus infinity, and of what is not a number. Nothing has a key of 0.
inline constexpr std::uint32_t least_key = 0x007FFFFFU;

/// A number that is greater for a greater logit.
[[nodiscard]] constexpr std::uint32_t key_of(float logit) {
  auto const bits = std::bit_cast<std::uint32_t>(logit + 0.0F);  // -0 is 0
  std::uint32_t const key = (bits >> 31U) != 0 ? ~bits : bits | 0x80000000U;
  return logit == logit ? key : least_key;
}

/// The logit of a key.
[[nodiscard]] constexpr float logit_of(std::uint32_t key) {
  return std::bit_cast<float>((key >> 31U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

/// The keys from `least` to `greatest`.
struct KeyRange {
  std::uint32_t least = least_key;
  std::uint32_t greatest = least_key;

  [[nodiscard]] constexpr bool has(std::uint32_t key) const {
    return key >= least && key <= greatest;
  }
};

/// The least key of a range for which a condition holds that holds for all greater ones, too; that
/// of its greatest key is not asked.
template <class Condition>
[[nodiscard]] constexpr std::uint32_t first_key(KeyRange range, Condition const& condition) {
  while (range.least < range.greatest) {
    std::uint32_t const middle = range.least + (range.greatest - range.least) / 2;
    if (condition(middle)) {
      range.greatest = middle;
    } else {
      range.least = middle + 1;
    }
  }
  return range.least;
}

/// A range of keys in buckets, the greatest keys in the first one.
class KeyBuckets {
 public:
  static constexpr int count = 512;

  /// Of one key that nothing has.
  KeyBuckets() = default;

  /// As wide in keys, each a power of two: of ever narrower ranges, until a bucket has one key.
  [[nodiscard]] static constexpr KeyBuckets by_keys(KeyRange range) {
    KeyBuckets buckets{range};
    while ((range.greatest - range.least) >> static_cast<unsigned>(buckets.shift_) >=
           static_cast<std::uint32_t>(count)) {
      ++buckets.shift_;
    }
    return buckets;
  }

  /// As wide in logits, `width` together, so that what is spread over it shares few buckets; the
  /// last bucket has what is further below, too. By keys where the width, or the greatest logit,
  /// can't be divided.
  [[nodiscard]] static constexpr KeyBuckets by_logits(KeyRange range, float width) {
    constexpr float least_width = 1e-30F;
    constexpr float greatest_width = 1e30F;
    bool const is_finite = range.greatest < key_of(std::numeric_limits<float>::infinity());
    if (!(is_finite && width > least_width && width < greatest_width)) {
      return by_keys(range);
    }
    KeyBuckets buckets{range};
    buckets.scale_ = static_cast<float>(count) / width;
    return buckets;
  }

  /// Of a key of the range; no greater for a greater key.
  [[nodiscard]] constexpr int of(std::uint32_t key) const {
    if (scale_ > 0.0F) {
      constexpr float last = static_cast<float>(count - 1);
      float const place = (logit_of(range_.greatest) - logit_of(key)) * scale_;
      return static_cast<int>(place < last ? place : last);
    }
    return static_cast<int>((range_.greatest - key) >> static_cast<unsigned>(shift_));
  }

  /// The keys of a bucket that has any.
  [[nodiscard]] constexpr KeyRange range_of(int bucket) const {
    auto const begin = [&](int first) {
      return first_key(range_, [&](std::uint32_t key) { return of(key) <= first; });
    };
    return {begin(bucket), bucket == 0 ? range_.greatest : begin(bucket - 1) - 1};
  }

 private:
  constexpr explicit KeyBuckets(KeyRange range) : range_{range} {}

  KeyRange range_;
  float scale_ = 0.0F;  ///< buckets of a logit's distance 1; 0: by keys
  int shift_ = 0;
};

}  // namespace talus::kernels::block
