// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/stragglers.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t fewest_sums = 100;  // fewer are chance
constexpr double least_sum_wait = 0.01;    // of the run
constexpr double least_expert_wait = 0.05;
constexpr std::size_t most_named = 5;

/// What is to be said, and how many seconds the others waited.
using Finding = std::pair<double, std::string>;

/// Of all ranks but one of a group.
template <class Value>
double mean_of_others(std::span<int const> group, int rank, Value const& value) {
  double sum = 0.0;
  for (int const other : group) {
    sum += other == rank ? 0.0 : value(other);
  }
  return sum / (static_cast<double>(group.size()) - 1.0);
}

class Search {
 public:
  explicit Search(std::span<RankSummary const> summaries) : summaries_{summaries} {}

  void in_sums(std::span<int const> group) {
    for (int const rank : group) {
      RankSummary const& one = of(rank);
      double const by_chance = 1.0 / static_cast<double>(group.size());
      double const last = static_cast<double>(one.sums_last) / static_cast<double>(one.sums);
      double const wait =
          mean_of_others(group, rank, [&](int other) { return of(other).sum_wait; });
      if (one.sums >= fewest_sums && last > (1.0 + by_chance) / 2.0 &&
          wait >= least_sum_wait * one.seconds) {
        found_.emplace_back(wait,
                            concat(name(rank),
                                   " came last in ",
                                   std::lround(100.0 * last),
                                   "% of ",
                                   one.sums,
                                   " sums, for which the others of its tensor-parallel group "
                                   "waited ",
                                   share(wait, one.seconds)));
      }
    }
  }

  void in_exchanges(std::span<int const> group) {
    int const rank = *std::min_element(group.begin(), group.end(), [&](int a, int b) {
      return of(a).expert_wait < of(b).expert_wait;
    });
    RankSummary const& one = of(rank);
    double const wait =
        mean_of_others(group, rank, [&](int other) { return of(other).expert_wait; });
    if (wait - one.expert_wait > least_expert_wait * one.seconds) {
      found_.emplace_back(wait,
                          concat(name(rank),
                                 " came late to the exchanges of its expert group: it waited ",
                                 share(one.expert_wait, one.seconds),
                                 ", the others ",
                                 share(wait, one.seconds)));
    }
  }

  /// The worst first.
  [[nodiscard]] std::vector<std::string> sentences() {
    std::stable_sort(found_.begin(), found_.end(), [](Finding const& a, Finding const& b) {
      return a.first > b.first;
    });
    std::vector<std::string> all;
    for (std::size_t i = 0; i < found_.size() && i < most_named; ++i) {
      all.push_back(std::move(found_[i].second));
    }
    return all;
  }

 private:
  [[nodiscard]] RankSummary const& of(int rank) const {
    return summaries_[static_cast<std::size_t>(rank)];
  }

  [[nodiscard]] std::string name(int rank) const {
    return concat("rank ", rank, " on ", of(rank).host.data());
  }

  static std::string share(double seconds, double of_seconds) {
    return concat(std::lround(100.0 * seconds / of_seconds), "% of the time");
  }

  std::span<RankSummary const> summaries_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<std::string> name_stragglers(std::span<RankSummary const> summaries,
                                         parallel::GridShape const& shape) {
  std::map<std::pair<int, int>, std::vector<int>> sums;       // by replica and stage
  std::map<std::pair<int, int>, std::vector<int>> exchanges;  // by stage and group in it
  for (int rank = 0; rank < static_cast<int>(summaries.size()); ++rank) {
    parallel::GridCoord const at = parallel::coord_of(shape, rank);
    sums[{at.dp, at.pp}].push_back(rank);
    exchanges[{at.pp, parallel::plane_rank_of(shape, at) / shape.ep}].push_back(rank);
  }
  Search search{summaries};
  for (auto const& [place, group] : sums) {
    if (group.size() > 1) {
      search.in_sums(group);
    }
  }
  for (auto const& [place, group] : exchanges) {
    if (group.size() > 1) {
      search.in_exchanges(group);
    }
  }
  return search.sentences();
}

}  // namespace talus::runtime
