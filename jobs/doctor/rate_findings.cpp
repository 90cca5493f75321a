// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "jobs/doctor/evidence.hpp"
#include "jobs/doctor/worst_first.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

using Ranks = std::vector<RankFacts const*>;

/// Something that ranks are compared by.
struct Rate {
  char const* kind;  ///< of a finding
  char const* name;
  double RankFacts::*value;
};

bool may_meet(RankFacts const& a, RankFacts const& b) {
  return std::find_first_of(a.cores.begin(), a.cores.end(), b.cores.begin(), b.cores.end()) !=
         a.cores.end();
}

/// Whether a rank shares its cores, and its threads have too few of them while the other ranks
/// wait, each on one.
bool lacks_cores(RankFacts const& rank, Ranks const& host) {
  auto const others = std::count_if(host.begin(), host.end(), [&](RankFacts const* other) {
    return other != &rank && may_meet(rank, *other);
  });
  return others > 0 && rank.threads + others > std::ssize(rank.cores);
}

/// The ranks whose rates are their own; it is told of which they aren't.
Ranks comparable_ranks(Evidence const& evidence, Findings& findings) {
  Ranks comparable;
  std::vector<int> crowded;
  std::set<std::string> hosts;
  for (RankFacts const& rank : evidence.report().ranks) {
    if (lacks_cores(rank, evidence.by_host().at(rank.host))) {
      crowded.push_back(rank.rank);
      hosts.insert(rank.host);
    } else {
      comparable.push_back(&rank);
    }
  }
  if (!crowded.empty() && evidence.report().ranks.size() > 1) {
    findings.push_back(
        {"not_compared",
         concat("rates of ranks ",
                parallel::format_ranges(crowded),
                " are not compared (their threads, and the ranks that wait beside "
                "them, are more than their cores: a rate says who else was running)"),
         crowded,
         {hosts.begin(), hosts.end()}});
  }
  return comparable;
}

/// Ranks are compared with those that have as many threads.
void compare_rates(Evidence const& evidence,
                   Ranks const& ranks,
                   Rate const& rate,
                   Findings& findings) {
  std::map<int, std::vector<double>> rates;
  for (RankFacts const* rank : ranks) {
    rates[rank->threads].push_back(rank->*rate.value);
  }
  WorstFirst kind{evidence.thresholds().most_of_a_kind};
  for (RankFacts const* rank : ranks) {
    double const usual = median(rates[rank->threads]);
    double const part = usual > 0.0 ? rank->*rate.value / usual : 1.0;
    if (part < evidence.thresholds().slow_rank) {
      kind.add(-part,
               {rate.kind,
                concat("rank ",
                       rank->rank,
                       " on ",
                       rank->host,
                       ": ",
                       rate.name,
                       " is ",
                       share(part),
                       " of the median"),
                {rank->rank},
                {rank->host}});
    }
  }
  kind.move_to(findings);
}

}  // namespace

void find_slow_ranks(Evidence const& evidence, Findings& findings) {
  Ranks const ranks = comparable_ranks(evidence, findings);
  compare_rates(evidence,
                ranks,
                {"slow_arithmetic", "arithmetic rate", &RankFacts::arithmetic_rate},
                findings);
  compare_rates(evidence,
                ranks,
                {"slow_memory", "memory bandwidth", &RankFacts::memory_rate_alone},
                findings);
}

void find_reading(Evidence const& evidence, Findings& findings) {
  if (!evidence.report().file) {
    return;
  }
  if (!evidence.report().file->problem.empty()) {
    findings.push_back(
        {"unreadable", concat("--model: ", evidence.report().file->problem), {}, {}});
  }
  std::map<std::string, double> rates;
  std::vector<double> all;
  for (auto const& [host, ranks] : evidence.by_host()) {
    double rate = 0.0;
    for (RankFacts const* rank : ranks) {
      rate += rank->file_seconds > 0.0 ? static_cast<double>(rank->file_bytes) / rank->file_seconds
                                       : 0.0;
    }
    if (rate > 0.0) {  // a small checkpoint has nothing for some
      rates[host] = rate;
      all.push_back(rate);
    }
  }
  WorstFirst kind{evidence.thresholds().most_of_a_kind};
  for (auto const& [host, rate] : rates) {
    double const part = rate / median(all);
    if (part < evidence.thresholds().slow_reading) {
      kind.add(-part,
               {"slow_reading",
                concat(host, " reads the checkpoint at ", share(part), " of the median of hosts"),
                {},
                {host}});
    }
  }
  kind.move_to(findings);
}

}  // namespace talus::doctor
