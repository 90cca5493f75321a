// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/shares.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

}  // namespace

Shares::Shares(float const* logits, std::int64_t vocab, float temperature)
    : logits_{logits},
      vocab_{vocab},
      temperature_{temperature},
      greatest_{*std::max_element(logits, logits + vocab)} {
  count(0, 2 * digit_bits, leading_);
  for (int bucket = num_buckets - 1; bucket >= 0; --bucket) {
    total_ += leading_.sums[bucket];
  }
}

template <class Visit>
void Shares::for_each_share(float least, Visit const& visit) const {
  // Most tokens of a vocabulary are far below any share that matters, and a look at their logits
  // tells; the margin is a hundred times what rounding can make of a share.
  float const margin = 0.01F;
  float const threshold =
      least > 0.0F ? greatest_ + temperature_ * (std::log(least) - margin) : never;
  float shares[num_lanes];
  for (std::int64_t first = 0; first < vocab_; first += num_lanes) {
    std::int64_t const size = std::min<std::int64_t>(num_lanes, vocab_ - first);
    Lanes const logits = load_some(logits_ + first, size, never);
    if (maximum_of(logits) < threshold) {
      continue;
    }
    store(shares, exp((logits - broadcast(greatest_)) / broadcast(temperature_)));
    for (std::int64_t i = 0; i < size; ++i) {
      float const share = shares[i] > 0.0F ? shares[i] : 0.0F;  // a NaN is never drawn
      visit(first + i, share, std::bit_cast<std::uint32_t>(share));
    }
  }
}

void Shares::count(std::uint32_t prefix, int shift, Histogram& histogram) const {
  int const above = shift + digit_bits;
  for_each_share(std::bit_cast<float>(prefix), [&](std::int64_t, float share, std::uint32_t key) {
    if (key >> above == prefix >> above) {
      std::uint32_t const digit = (key >> shift) % num_buckets;
      ++histogram.counts[digit];
      histogram.sums[digit] += share;
    }
  });
}

template <class Reached>
Candidates Shares::search(Reached const& reached) const {
  std::int64_t before = 0;
  double sum = 0.0;
  std::uint32_t key = 0;
  std::int64_t equal = 0;
  Histogram finer;
  for (int shift = 2 * digit_bits; shift >= 0; shift -= digit_bits) {
    if (shift < 2 * digit_bits) {
      finer = {};
      count(key, shift, finer);
    }
    Histogram const& histogram = shift < 2 * digit_bits ? finer : leading_;
    // The last bucket that has any serves if rounding keeps all of them from being enough.
    int const end = static_cast<int>(std::find_if(histogram.counts,
                                                  histogram.counts + num_buckets,
                                                  [](auto n) { return n > 0; }) -
                                     histogram.counts);
    int bucket = num_buckets - 1;
    while (bucket > end &&
           !reached(before + histogram.counts[bucket], sum + histogram.sums[bucket])) {
      before += histogram.counts[bucket];
      sum += histogram.sums[bucket];
      --bucket;
    }
    key |= static_cast<std::uint32_t>(bucket) << shift;
    equal = histogram.counts[bucket];
  }

  double const share = std::bit_cast<float>(key);
  std::int64_t ties = 1;
  while (ties < equal && !reached(before + ties, sum + static_cast<double>(ties) * share)) {
    ++ties;
  }
  return {key, ties, sum + static_cast<double>(ties) * share};
}

Candidates Shares::first(std::int64_t count) const {
  return search([count](std::int64_t number, double) { return number >= count; });
}

Candidates Shares::reaching(double sum) const {
  return search([sum](std::int64_t, double reached) { return reached >= sum; });
}

Candidates Shares::exceeding(double sum) const {
  return search([sum](std::int64_t, double reached) { return reached > sum; });
}

Candidates Shares::at_least(float share) const {
  Candidates kept{std::numeric_limits<std::uint32_t>::max(), 0, 0.0};
  for_each_share(share, [&](std::int64_t, float own, std::uint32_t key) {
    if (own >= share) {
      kept.sum += own;
      kept.ties = key < kept.key ? 1 : kept.ties + (key == kept.key ? 1 : 0);
      kept.key = std::min(kept.key, key);
    }
  });
  return kept;
}

std::int32_t Shares::last_of(Candidates const& candidates) const {
  std::int64_t seen = 0;
  std::int64_t last = 0;
  float const share = std::bit_cast<float>(candidates.key);
  for_each_share(share, [&](std::int64_t token, float, std::uint32_t key) {
    if (key == candidates.key && seen < candidates.ties) {
      ++seen;
      last = token;
    }
  });
  return static_cast<std::int32_t>(last);
}

}  // namespace talus::kernels::TALUS_TARGET
