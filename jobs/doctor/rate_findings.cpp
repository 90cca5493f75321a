// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "jobs/doctor/evidence.hpp"
#include "jobs/doctor/worst_first.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

/// Ranks are compared with those that have as many threads.
void compare_rates(Evidence const& evidence,
                   std::string const& name,
                   std::string const& what,
                   double RankFacts::*rate,
                   Findings& findings) {
  std::map<int, std::vector<double>> rates;
  for (RankFacts const& rank : evidence.report().ranks) {
    rates[rank.threads].push_back(rank.*rate);
  }
  WorstFirst kind{evidence.thresholds().most_of_a_kind};
  for (RankFacts const& rank : evidence.report().ranks) {
    double const usual = median(rates[rank.threads]);
    double const part = usual > 0.0 ? rank.*rate / usual : 1.0;
    if (part < evidence.thresholds().slow_rank) {
      kind.add(-part,
               {name,
                concat("rank ",
                       rank.rank,
                       " on ",
                       rank.host,
                       ": ",
                       what,
                       " is ",
                       share(part),
                       " of the median"),
                {rank.rank},
                {rank.host}});
    }
  }
  kind.move_to(findings);
}

}  // namespace

void find_slow_ranks(Evidence const& evidence, Findings& findings) {
  compare_rates(
      evidence, "slow_arithmetic", "arithmetic rate", &RankFacts::arithmetic_rate, findings);
  compare_rates(
      evidence, "slow_memory", "memory bandwidth", &RankFacts::memory_rate_alone, findings);
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
