// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/sampling.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The first candidates of a row in the order of sampling (share descending, token ascending): all
/// with a share above `key`'s, and the first `ties` of those that have it.
struct Candidates {
  std::uint32_t key = 0;  ///< a share's bits; shares are not negative, so bits order as shares do
  std::int64_t ties = 0;
  double sum = 0.0;  ///< of their shares
};

/// The shares exp((logit - greatest) / temperature) of one row, searched in descending order
/// without being sorted or stored: histograms of their leading bits narrow a search down in three
/// passes.
class Shares {
 public:
  Shares(float const* logits, std::int64_t vocab, float temperature);

  /// Sum of all shares.
  [[nodiscard]] double sum() const noexcept { return total_; }

  /// The fewest first candidates that number `count`.
  [[nodiscard]] Candidates first(std::int64_t count) const;

  /// The fewest first candidates whose shares sum to `sum` or more.
  [[nodiscard]] Candidates reaching(double sum) const;

  /// The fewest first candidates whose shares sum to more than `sum`.
  [[nodiscard]] Candidates exceeding(double sum) const;

  /// All candidates with `share` or more.
  [[nodiscard]] Candidates at_least(float share) const;

  /// The last one of `candidates`.
  [[nodiscard]] std::int32_t last_of(Candidates const& candidates) const;

 private:
  static constexpr int digit_bits = 10;  ///< the upper two of 32 bits are 0 for shares up to 1
  static constexpr int num_buckets = 1 << digit_bits;

  /// Number and sum of the shares with each value of a digit.
  struct Histogram {
    std::int64_t counts[num_buckets] = {};
    double sums[num_buckets] = {};
  };

  /// Calls visit(token, share, bits of the share) for all tokens whose share is `least` or more,
  /// and some whose share is less.
  template <class Visit>
  void for_each_share(float least, Visit const& visit) const;

  /// Counts the shares whose bits above `shift + digit_bits` are those of `prefix`.
  void count(std::uint32_t prefix, int shift, Histogram& histogram) const;

  template <class Reached>
  [[nodiscard]] Candidates search(Reached const& reached) const;

  float const* logits_;
  std::int64_t vocab_;
  float temperature_;
  float greatest_;
  Histogram leading_;
  double total_ = 0.0;
};

}  // namespace talus::kernels::TALUS_TARGET
