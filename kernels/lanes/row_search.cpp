// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/row_search.hpp"

#include <cmath>

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();
constexpr float lowest = std::numeric_limits<float>::lowest();

/// Logits differ by less: as good as equal.
constexpr float least_width = 1e-30F;

/// exp(-reach) is no normal number any more.
constexpr float reach = 88.0F;

/// A number that is greater for a greater logit.
std::uint32_t key_of(float logit) noexcept {
  auto const bits = std::bit_cast<std::uint32_t>(logit + 0.0F);  // -0 is 0
  return (bits >> 31U) != 0 ? ~bits : bits | 0x80000000U;
}

float logit_of(std::uint32_t key) noexcept {
  return std::bit_cast<float>((key >> 31U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

}  // namespace

float greatest_of(LogitRow const& row) {
  Lanes greatest = broadcast(never);
  for (std::int64_t block = 0; block < row.num_blocks(); block += num_lanes) {
    greatest = maximum(load_some(row.maxima + block, row.num_blocks() - block, never), greatest);
  }
  return maximum_of(greatest);
}

bool SortedTokens::add(float logit, std::int64_t token) noexcept {
  if (size_ == capacity) {
    return false;
  }
  auto const after = 0xFFFFFFFFU - static_cast<std::uint32_t>(token);
  keys_[size_++] = std::uint64_t{key_of(logit)} << 32U | after;
  return true;
}

void SortedTokens::sort() {
  std::sort(keys_, keys_ + size_, [](std::uint64_t a, std::uint64_t b) { return a > b; });
}

float SortedTokens::logit(std::int64_t i) const noexcept {
  return logit_of(static_cast<std::uint32_t>(keys_[i] >> 32U));
}

float bound_of_first(LogitRow const& row, float greatest, std::int64_t count) {
  constexpr int num_buckets = 256;
  std::int64_t const blocks = row.num_blocks();
  Lanes least = broadcast(greatest);
  for (std::int64_t block = 0; block < blocks; block += num_lanes) {
    Lanes const maxima = load_some(row.maxima + block, blocks - block, greatest);
    least = minimum(
        map([=](NativeFloats x) { return x >= lowest ? x : native_broadcast(greatest); }, maxima),
        least);
  }
  float const width = greatest + maximum_of(broadcast(0.0F) - least);
  if (!(width > least_width)) {
    return greatest;
  }
  // The greatest is far from the others where a model is sure: buckets from the middle down would
  // be as good, but a few hundred over all are enough.
  float const scale = static_cast<float>(num_buckets) / width;
  Lanes const limit = broadcast(num_buckets - 1);
  std::int32_t counts[num_buckets] = {};
  float places[num_lanes];
  for (std::int64_t block = 0; block < blocks; block += num_lanes) {
    Lanes const maxima = load_some(row.maxima + block, blocks - block, never);
    store(places, minimum((broadcast(greatest) - maxima) * broadcast(scale), limit));
    for (std::int64_t i = 0; i < std::min<std::int64_t>(num_lanes, blocks - block); ++i) {
      ++counts[static_cast<int>(places[i])];
    }
  }
  std::int64_t found = 0;
  for (int bucket = 0; bucket < num_buckets - 1; ++bucket) {
    found += counts[bucket];
    if (found >= count) {
      return greatest - static_cast<float>(bucket + 1) / scale;
    }
  }
  return never;
}

bool collect_from(LogitRow const& row, float least, SortedTokens& tokens) {
  tokens.clear();
  bool has_room = true;
  Lanes const bound = broadcast(std::max(least, lowest));
  for_each_block(row, std::max(least, lowest), [&](std::int64_t block) {
    for_each_lanes(row, block, [&](std::int64_t first, Lanes const& logits) {
      for (std::uint32_t bits = bits_at_least(logits, bound); bits != 0; bits &= bits - 1) {
        std::int64_t const token = first + std::countr_zero(bits);
        has_room = has_room && tokens.add(row.logits[token], token);
      }
    });
  });
  if (has_room) {
    tokens.sort();
  }
  return has_room;
}

RowSearch::RowSearch(LogitRow const& row, float greatest, float temperature, float min_share)
    : row_{row},
      greatest_{greatest},
      floor_{std::max(greatest - reach * temperature, lowest)},
      is_all_{!(min_share > 0.0F)},
      share_{greatest, temperature} {
  if (!is_all_) {
    floor_ = std::max(floor_, least_logit(min_share));
  }
}

/// By bisection of the floats: shares fall with their logits.
float RowSearch::least_logit(float share) const {
  auto const is_enough = [&](std::uint32_t key) {
    float shares[num_lanes];
    store(shares, share_(broadcast(logit_of(key))));
    return shares[0] >= share;
  };
  std::uint32_t too_low = key_of(floor_) - 1;
  std::uint32_t enough = key_of(greatest_);
  while (enough - too_low > 1) {
    std::uint32_t const middle = too_low + (enough - too_low) / 2;
    (is_enough(middle) ? enough : too_low) = middle;
  }
  return logit_of(enough);
}

double RowSearch::sum() {
  if (is_all_) {
    return sum_of_blocks();
  }
  Prefix all;
  if (collect_first(wanted_at_first) && has_to_floor_) {
    static_cast<void>(find_among_tokens({}, {}, all));
    return all.sum;
  }
  return sum_to_floor();
}

double RowSearch::sum_of_blocks() const {
  constexpr std::int64_t piece_blocks = 256;
  double sum = 0.0;
  for (std::int64_t piece = 0; piece < row_.num_blocks(); piece += piece_blocks) {
    std::int64_t const end = std::min(piece + piece_blocks, row_.num_blocks());
    Lanes sums = broadcast(0.0F);
    for (std::int64_t block = piece; block < end; block += num_lanes) {
      Lanes const shares = share_(load_some(row_.maxima + block, end - block, never));
      sums = multiply_add(shares, load_some(row_.sums + block, end - block), sums);
    }
    sum += sum_of(sums);
  }
  return sum;
}

double RowSearch::sum_to_floor() const {
  double sum = 0.0;
  for_each_block(row_, floor_, [&](std::int64_t block) {
    Lanes shares = broadcast(0.0F);
    for_each_lanes(row_, block, [&](std::int64_t, Lanes const& logits) {
      Lanes const kept =
          map([this](NativeFloats x) { return x >= floor_ ? x : native_broadcast(never); }, logits);
      shares = shares + share_(kept);
    });
    sum += sum_of(shares);
  });
  return sum;
}

bool RowSearch::collect_first(std::int64_t wanted) {
  if (wanted_ >= wanted || (wanted_ > 0 && has_to_floor_)) {
    return true;
  }
  wanted_ = 0;
  float least = floor_;
  if (row_.vocab > SortedTokens::capacity) {
    if (wanted > SortedTokens::capacity / 2) {
      return false;
    }
    least = std::max(floor_, bound_of_first(row_, greatest_, wanted));
  }
  if (!collect_from(row_, least, tokens_)) {
    return false;
  }
  has_to_floor_ = least == floor_;
  wanted_ = wanted;
  return true;
}

Prefix RowSearch::first_to(Goal const& goal) {
  bool const is_counted = goal.count < std::numeric_limits<std::int64_t>::max();
  std::int64_t const first = is_counted ? goal.count : wanted_at_first;
  for (std::int64_t const wanted : {first, std::max(first, SortedTokens::capacity / 2)}) {
    if (!collect_first(wanted)) {
      break;
    }
    Prefix found;
    if (find_among_tokens({}, goal, found) || has_to_floor_) {
      return found;
    }
  }
  return search_all(goal);
}

/// Where in tokens_, which come after what is before the span, a goal is reached; the last one if
/// it is not.
bool RowSearch::find_among_tokens(Span const& span, Goal const& goal, Prefix& found) const {
  float logits[num_lanes] = {};
  float shares[num_lanes];
  found.sum = span.sum_before;
  for (std::int64_t i = 0; i < tokens_.size(); ++i) {
    std::int64_t const lane = i % num_lanes;
    if (lane == 0) {
      for (std::int64_t j = i; j < std::min(i + num_lanes, tokens_.size()); ++j) {
        logits[j - i] = tokens_.logit(j);
      }
      store(shares, share_(load(logits)));
    }
    found.logit = tokens_.logit(i);
    found.token = tokens_.token(i);
    found.sum += shares[lane];
    if (goal.is_reached(span.count_before + i + 1, found.sum)) {
      return true;
    }
  }
  return false;
}

/// Calls visit(first token, logits, place in units of buckets) for sixteen logits each; what is not
/// in the span has the place num_buckets.
template <class Visit>
void RowSearch::for_each_in(Span const& span, Visit const& visit) const {
  float const scale = std::min(num_buckets / span.width, std::numeric_limits<float>::max());
  for_each_block(row_, span.least, [&](std::int64_t block) {
    for_each_lanes(row_, block, [&](std::int64_t first, Lanes const& logits) {
      visit(first,
            logits,
            map(
                [&](NativeFloats x) {
                  NativeFloats const limit = native_broadcast(num_buckets - 1);
                  NativeFloats const place = (span.greatest - x) * scale;
                  NativeFloats const bucket = place < limit ? place : limit;
                  auto const is_in = (x >= span.least) & (x <= span.greatest);
                  return is_in ? bucket : native_broadcast(num_buckets);
                },
                logits));
    });
  });
}

void RowSearch::count(Span const& span, Bucket* buckets) const {
  float shares[num_lanes];
  float places[num_lanes];
  for_each_in(span, [&](std::int64_t, Lanes const& logits, Lanes const& place) {
    store(shares, share_(logits));
    store(places, place);
    for (int i = 0; i < num_lanes; ++i) {
      Bucket& bucket = buckets[static_cast<int>(places[i])];
      ++bucket.count;
      bucket.sum += shares[i];
    }
  });
}

RowSearch::Content RowSearch::collect(Span const& span, int bucket) {
  Content content{.count = 0, .least = span.greatest, .greatest = span.least};
  tokens_.clear();
  wanted_ = 0;
  Lanes const first_place = broadcast(static_cast<float>(bucket));
  Lanes const last_place = broadcast(static_cast<float>(bucket + 1));
  for_each_in(span, [&](std::int64_t first, Lanes const&, Lanes const& place) {
    std::uint32_t bits = bits_at_least(place, first_place) & ~bits_at_least(place, last_place);
    for (; bits != 0; bits &= bits - 1) {
      std::int64_t const token = first + std::countr_zero(bits);
      float const logit = row_.logits[token];
      content.least = std::min(content.least, logit);
      content.greatest = std::max(content.greatest, logit);
      ++content.count;
      static_cast<void>(tokens_.add(logit, token));
    }
  });
  return content;
}

Prefix RowSearch::search_all(Goal const& goal) {
  Lanes least = broadcast(greatest_);
  for_each_block(row_, floor_, [&](std::int64_t block) {
    least = minimum(broadcast(row_.maxima[block]), least);
  });
  Span span{.least = floor_, .greatest = greatest_};
  Prefix first;
  if (wanted_ > 0) {
    // Behind the first tokens: they were not enough.
    static_cast<void>(find_among_tokens({}, {}, first));
    span.greatest = std::nextafter(first.logit, never);
    span.count_before = tokens_.size();
    span.sum_before = first.sum;
  }
  // Buckets reach as far below the maxima of blocks as most logits do.
  float const width = 8.0F * (span.greatest + maximum_of(broadcast(0.0F) - least));
  float const above_floor = span.greatest - span.least;
  span.width = width > least_width ? std::min(width, above_floor) : above_floor;
  while (true) {
    Bucket buckets[num_buckets + 1] = {};
    count(span, buckets);
    int last = num_buckets - 1;
    while (last > 0 && buckets[last].count == 0) {
      --last;
    }
    int chosen = 0;
    for (; chosen < last; ++chosen) {
      Bucket const& bucket = buckets[chosen];
      if (bucket.count > 0 &&
          goal.is_reached(span.count_before + bucket.count, span.sum_before + bucket.sum)) {
        break;
      }
      span.count_before += bucket.count;
      span.sum_before += bucket.sum;
    }
    Content const content = collect(span, chosen);
    if (content.count == 0) {
      return first;  // there are no others, and rounding kept them from being enough
    }
    span.least = content.least;
    span.greatest = content.greatest;
    span.width = content.greatest - content.least;
    if (content.count <= SortedTokens::capacity) {
      Prefix found;
      tokens_.sort();
      static_cast<void>(find_among_tokens(span, goal, found));
      return found;
    }
    if (!(span.width > least_width)) {
      return find_tie(span, content.count, goal);
    }
  }
}

/// The goal among `count` equal logits.
Prefix RowSearch::find_tie(Span const& span, std::int64_t count, Goal const& goal) const {
  float shares[num_lanes];
  store(shares, share_(broadcast(span.greatest)));
  double const share = shares[0];
  std::int64_t ties = 1;
  while (ties < count && !goal.is_reached(span.count_before + ties,
                                          span.sum_before + static_cast<double>(ties) * share)) {
    ++ties;
  }
  Prefix found{span.greatest, 0, span.sum_before + static_cast<double>(ties) * share};
  for (std::int64_t token = 0; token < row_.vocab && ties > 0; ++token) {
    if (row_.logits[token] >= span.least && row_.logits[token] <= span.greatest) {
      found.token = static_cast<std::int32_t>(token);
      --ties;
    }
  }
  return found;
}

}  // namespace talus::kernels::TALUS_TARGET
