// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <set>

#include "jobs/doctor/evidence.hpp"
#include "jobs/doctor/worst_first.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

Finding of_link(Evidence const& evidence,
                std::string kind,
                Link const& link,
                std::string const& what,
                double part) {
  std::string const& from = evidence.host_of(link.ranks[0]);
  std::string const& to = evidence.host_of(link.ranks[1]);
  return {std::move(kind),
          concat(what, " between ", from, " and ", to, " is ", share(part), " of the median"),
          {link.ranks[0], link.ranks[1]},
          {from, to}};
}

}  // namespace

void find_slow_links(Evidence const& evidence, Findings& findings) {
  std::vector<double> rates;
  std::vector<double> latencies;
  for (Link const& link : evidence.report().links) {
    rates.push_back(link.bytes_per_second);
    latencies.push_back(link.latency);
  }
  double const rate = median(rates);
  double const latency = median(latencies);
  WorstFirst slow{evidence.thresholds().most_of_a_kind};
  WorstFirst late{evidence.thresholds().most_of_a_kind};
  for (Link const& link : evidence.report().links) {
    double const part = link.bytes_per_second / rate;
    if (part < evidence.thresholds().slow_link) {
      slow.add(-part, of_link(evidence, "slow_link", link, "bandwidth", part));
    }
    double const times = link.latency / latency;
    if (times > evidence.thresholds().long_latency) {
      late.add(times, of_link(evidence, "long_latency", link, "latency", times));
    }
  }
  slow.move_to(findings);
  late.move_to(findings);
}

/// Sockets only, between hosts: what an MPI falls back to that doesn't find the fast network.
void find_transport(Evidence const& evidence, Findings& findings) {
  bool has_ob1 = false;
  std::set<std::string> movers;
  for (TransportFact const& fact : evidence.report().transport) {
    has_ob1 = has_ob1 || fact.what == "pml ob1";
    if (fact.what.rfind("btl ", 0) == 0) {
      movers.insert(fact.what.substr(4));
    }
  }
  for (char const* const inside : {"self", "sm", "vader", "smcuda"}) {
    movers.erase(inside);
  }
  if (evidence.by_host().size() > 1 && has_ob1 && movers == std::set<std::string>{"tcp"}) {
    findings.push_back(
        {"sockets",
         "messages between hosts go over TCP sockets (right on Ethernet; on InfiniBand, "
         "Slingshot or Omni-Path this MPI doesn't use the fast network)",
         {},
         {}});
  }
}

void find_clocks(Evidence const& evidence, Findings& findings) {
  WorstFirst kind{evidence.thresholds().most_of_a_kind};
  for (ClockOffset const& clock : evidence.report().clocks) {
    double const off = std::abs(clock.seconds);
    if (off - clock.error > evidence.thresholds().clock_skew) {
      kind.add(off,
               {"clock_skew",
                concat("the clock of ",
                       evidence.host_of(clock.rank),
                       " is ",
                       off,
                       clock.seconds > 0.0 ? " s ahead of that of " : " s behind that of ",
                       evidence.host_of(0),
                       " (times of traces and logs don't agree)"),
                {clock.rank},
                {evidence.host_of(clock.rank)}});
    }
  }
  kind.move_to(findings);
}

}  // namespace talus::doctor
