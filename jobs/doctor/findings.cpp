// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/findings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "parallel/binding.hpp"
#include "parallel/start_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

double median(std::vector<double> values) {
  if (values.empty()) {
    return 0.0;
  }
  auto const middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string share(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

/// The worst findings of a kind, how many more there are, and those that were told.
class Kind {
 public:
  explicit Kind(std::size_t most) : most_{most} {}

  /// \param badness  the largest come first
  void add(double badness, Finding finding) { all_.emplace_back(badness, std::move(finding)); }

  void move_to(std::vector<Finding>& findings) {
    std::stable_sort(
        all_.begin(), all_.end(), [](auto const& a, auto const& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < std::min(all_.size(), most_); ++i) {
      findings.push_back(std::move(all_[i].second));
    }
    if (all_.size() > most_) {
      findings.push_back({findings.back().kind,
                          concat("and ", all_.size() - most_, " more like the last one"),
                          {},
                          {}});
    }
  }

 private:
  std::size_t most_;
  std::vector<std::pair<double, Finding>> all_;
};

class Examiner {
 public:
  Examiner(Report const& report, Thresholds const& thresholds)
      : report_{&report}, thresholds_{&thresholds} {
    for (RankFacts const& rank : report.ranks) {
      by_host_[rank.host].push_back(&rank);
    }
  }

  [[nodiscard]] std::vector<Finding> examine() {
    find_start();
    find_bindings();
    find_slow_ranks("slow_arithmetic", "arithmetic rate", &RankFacts::arithmetic_rate);
    find_slow_ranks("slow_memory", "memory bandwidth", &RankFacts::memory_rate_alone);
    find_slow_links();
    find_transport();
    find_reading();
    find_clocks();
    find_processors();
    return std::move(findings_);
  }

 private:
  void find_start() {
    if (!report_->left_out.empty()) {
      findings_.push_back({"idle_node", report_->left_out, {}, {}});
    }
    std::string mismatch =
        parallel::describe_mismatch(report_->launch, static_cast<int>(report_->ranks.size()));
    if (!mismatch.empty()) {
      findings_.push_back({"launcher_mismatch", std::move(mismatch), {0}, {}});
    }
    std::vector<int> weak;
    for (RankFacts const& rank : report_->ranks) {
      if (rank.thread_level != "multiple") {
        weak.push_back(rank.rank);
      }
    }
    if (!weak.empty()) {
      std::string level = report_->ranks[static_cast<std::size_t>(weak.front())].thread_level;
      findings_.push_back({"thread_level",
                           concat("MPI grants MPI_THREAD_",
                                  upper(level),
                                  " on ",
                                  weak.size(),
                                  " ranks (Talus asks for MPI_THREAD_MULTIPLE; MPI may have been "
                                  "built without it)"),
                           weak,
                           {}});
    }
  }

  void find_bindings() {
    Kind kind{thresholds_->most_of_a_kind};
    for (auto const& [host, ranks] : by_host_) {
      std::vector<parallel::BoundRank> bound;
      int num_host_cores = 0;
      for (RankFacts const* rank : ranks) {
        bound.push_back({rank->rank, rank->cores});
        num_host_cores = std::max(num_host_cores, rank->num_host_cores);
      }
      for (auto& found : parallel::binding_findings(host, bound, num_host_cores)) {
        kind.add(static_cast<double>(found.ranks.size()),
                 {found.kind, found.text, std::move(found.ranks), {host}});
      }
    }
    kind.move_to(findings_);
  }

  /// Ranks are compared with those that have as many threads.
  void find_slow_ranks(std::string const& name, std::string const& what, double RankFacts::*rate) {
    std::map<int, std::vector<double>> rates;
    for (RankFacts const& rank : report_->ranks) {
      rates[rank.threads].push_back(rank.*rate);
    }
    Kind kind{thresholds_->most_of_a_kind};
    for (RankFacts const& rank : report_->ranks) {
      double const usual = median(rates[rank.threads]);
      double const part = usual > 0.0 ? rank.*rate / usual : 1.0;
      if (part < thresholds_->slow_rank) {
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
    kind.move_to(findings_);
  }

  [[nodiscard]] std::string const& host_of(int rank) const {
    return report_->ranks[static_cast<std::size_t>(rank)].host;
  }

  [[nodiscard]] Finding of_link(std::string kind,
                                Link const& link,
                                std::string const& what,
                                double part) const {
    std::string const& from = host_of(link.ranks[0]);
    std::string const& to = host_of(link.ranks[1]);
    return {std::move(kind),
            concat(what, " between ", from, " and ", to, " is ", share(part), " of the median"),
            {link.ranks[0], link.ranks[1]},
            {from, to}};
  }

  void find_slow_links() {
    std::vector<double> rates;
    std::vector<double> latencies;
    for (Link const& link : report_->links) {
      rates.push_back(link.bytes_per_second);
      latencies.push_back(link.latency);
    }
    double const rate = median(rates);
    double const latency = median(latencies);
    Kind slow{thresholds_->most_of_a_kind};
    Kind late{thresholds_->most_of_a_kind};
    for (Link const& link : report_->links) {
      double const part = link.bytes_per_second / rate;
      if (part < thresholds_->slow_link) {
        slow.add(-part, of_link("slow_link", link, "bandwidth", part));
      }
      double const times = link.latency / latency;
      if (times > thresholds_->long_latency) {
        late.add(times, of_link("long_latency", link, "latency", times));
      }
    }
    slow.move_to(findings_);
    late.move_to(findings_);
  }

  /// Sockets only, between hosts: what an MPI falls back to that doesn't find the fast network.
  void find_transport() {
    bool has_ob1 = false;
    std::set<std::string> movers;
    for (TransportFact const& fact : report_->transport) {
      has_ob1 = has_ob1 || fact.what == "pml ob1";
      if (fact.what.rfind("btl ", 0) == 0) {
        movers.insert(fact.what.substr(4));
      }
    }
    for (char const* const inside : {"self", "sm", "vader", "smcuda"}) {
      movers.erase(inside);
    }
    if (by_host_.size() > 1 && has_ob1 && movers == std::set<std::string>{"tcp"}) {
      findings_.push_back(
          {"sockets",
           "messages between hosts go over TCP sockets (right on Ethernet; on InfiniBand, "
           "Slingshot or Omni-Path this MPI doesn't use the fast network)",
           {},
           {}});
    }
  }

  void find_reading() {
    if (!report_->file) {
      return;
    }
    if (!report_->file->problem.empty()) {
      findings_.push_back({"unreadable", concat("--model: ", report_->file->problem), {}, {}});
    }
    std::map<std::string, double> rates;
    std::vector<double> all;
    for (auto const& [host, ranks] : by_host_) {
      double rate = 0.0;
      for (RankFacts const* rank : ranks) {
        rate += rank->file_seconds > 0.0
                    ? static_cast<double>(rank->file_bytes) / rank->file_seconds
                    : 0.0;
      }
      if (rate > 0.0) {  // a small checkpoint has nothing for some
        rates[host] = rate;
        all.push_back(rate);
      }
    }
    Kind kind{thresholds_->most_of_a_kind};
    for (auto const& [host, rate] : rates) {
      double const part = rate / median(all);
      if (part < thresholds_->slow_reading) {
        kind.add(-part,
                 {"slow_reading",
                  concat(host, " reads the checkpoint at ", share(part), " of the median of hosts"),
                  {},
                  {host}});
      }
    }
    kind.move_to(findings_);
  }

  void find_clocks() {
    Kind kind{thresholds_->most_of_a_kind};
    for (ClockOffset const& clock : report_->clocks) {
      double const off = std::abs(clock.seconds);
      if (off - clock.error > thresholds_->clock_skew) {
        kind.add(off,
                 {"clock_skew",
                  concat("the clock of ",
                         host_of(clock.rank),
                         " is ",
                         off,
                         clock.seconds > 0.0 ? " s ahead of that of " : " s behind that of ",
                         host_of(0),
                         " (times of traces and logs don't agree)"),
                  {clock.rank},
                  {host_of(clock.rank)}});
      }
    }
    kind.move_to(findings_);
  }

  void find_processors() {
    std::map<std::string, std::set<std::string>> hosts;
    for (RankFacts const& rank : report_->ranks) {
      hosts[rank.processor].insert(rank.host);
    }
    if (hosts.size() > 1) {
      std::string text = "hosts have different processors, and answers may differ between them:";
      for (auto const& [processor, names] : hosts) {
        text += concat(processor == hosts.begin()->first ? " " : "; ",
                       processor,
                       " on ",
                       names.size(),
                       names.size() == 1 ? " host (" : " hosts (",
                       *names.begin(),
                       names.size() == 1 ? ")" : ", ...)");
      }
      findings_.push_back({"different_processors", text, {}, {}});
    }
  }

  static std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
      return static_cast<char>(std::toupper(c));
    });
    return text;
  }

  Report const* report_;
  Thresholds const* thresholds_;
  std::map<std::string, std::vector<RankFacts const*>> by_host_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> findings_of(Report const& report, Thresholds const& thresholds) {
  return Examiner{report, thresholds}.examine();
}

}  // namespace talus::doctor
