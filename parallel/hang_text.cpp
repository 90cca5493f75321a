// SPDX-License-Identifier: Apache-2.0
#include "parallel/hang_text.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

constexpr std::size_t most_culprits = 8;
constexpr std::size_t most_calls = 8;
constexpr std::size_t most_hosts = 4;

std::string named(std::span<int const> ranks) {
  return concat(ranks.size() == 1 ? "rank " : "ranks ", format_ranges(ranks));
}

/// "step 3, layer 5, attention", of what is known.
std::string place_of(RankState const& state) {
  std::string place;
  if (state.step > 0) {
    place += concat(", step ", state.step - 1);
  }
  if (state.layer > 0) {
    place += concat(", layer ", state.layer - 1);
  }
  if (std::string const phase = state.phase.str(); !phase.empty()) {
    place += concat(", in ", phase);
  }
  return place;
}

std::string call_of(RankState const& state) {
  return concat(state.call.str(), " #", state.number, " of ", state.group_name.str());
}

std::string seconds(double value) {
  return concat(std::lround(value), " s");
}

std::string file_of(RankState const& state) {
  return concat(state.file_call.str(), " ", state.file.str());
}

/// What a culprit does instead of coming.
std::string doing(RankView const& view) {
  RankState const& state = view.state;
  switch (view.contact) {
    case Contact::gone:
      return "its process is gone";
    case Contact::stopped:
      return "its process is stopped by a signal";
    case Contact::silent:
      return concat("its process does not answer, for ", seconds(view.idle_s));
    default:
      break;
  }
  if (state.status() == RankStatus::failed) {
    return "an exception has ended its work";
  }
  if (state.files > 0) {
    return concat("blocked for ", seconds(view.idle_s), " in a call on a file: ", file_of(state));
  }
  return state.waits > 0 ? concat("waits for ", seconds(view.idle_s), " elsewhere")
                         : concat("in no call, and without progress for ", seconds(view.idle_s));
}

std::string describe_culprit(WaitGraph const& graph, int rank) {
  RankView const& view = graph.view(rank);
  RankState const& state = view.state;
  std::string line =
      concat("rank ", rank, " on ", state.host.str(), " (pid ", state.pid, "): ", doing(view));
  if (state.number > 0) {
    line += concat("; ", state.waits > 0 ? "in " : "its last call was ", call_of(state));
  }
  return line + place_of(state);
}

std::string hosts_of(WaitGraph const& graph, std::span<int const> ranks) {
  std::vector<std::string> hosts;
  for (int const rank : ranks) {
    std::string const host = graph.view(rank).state.host.str();
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) {
      hosts.push_back(host);
    }
  }
  std::string text;
  for (std::size_t i = 0; i < hosts.size() && i < most_hosts; ++i) {
    text += concat(i == 0 ? "" : ", ", hosts[i]);
  }
  return hosts.size() > most_hosts ? concat(text, " and ", hosts.size() - most_hosts, " more")
                                   : text;
}

/// The ranks of one call, in words.
std::string describe_wait(WaitGraph const& graph, std::span<int const> ranks) {
  int const first = ranks.front();
  RankState const& state = graph.view(first).state;
  double longest = 0.0;
  for (int const rank : ranks) {
    longest = std::max(longest, graph.view(rank).idle_s);
  }
  std::vector<int> const missing = graph.missing(first);
  std::string const for_whom =
      missing.empty() ? "though all have come to it" : concat("for ", named(missing));
  return concat(named(ranks),
                " on ",
                hosts_of(graph, ranks),
                " wait",
                ranks.size() == 1 ? "s " : " ",
                for_whom,
                ", for ",
                seconds(longest),
                ": ",
                call_of(state),
                " (",
                state.size,
                " ranks)",
                place_of(state));
}

}  // namespace

std::vector<std::string> describe_hang(WaitGraph const& graph,
                                       std::span<int const> hanging,
                                       std::span<int const> culprits) {
  std::vector<std::string> lines;
  for (int const rank : culprits.first(std::min(culprits.size(), most_culprits))) {
    lines.push_back(describe_culprit(graph, rank));
  }
  if (culprits.size() > most_culprits) {
    lines.push_back(concat("and likewise, of ", culprits.size(), " in all: ", named(culprits)));
  }
  std::map<std::string, std::vector<int>> calls;  // by what tells them apart
  for (int const rank : hanging) {
    RankState const& state = graph.view(rank).state;
    if (!graph.is_root(rank)) {
      std::string const missing = format_ranges(graph.missing(rank));
      calls[concat(state.group, call_of(state), place_of(state), missing)].push_back(rank);
    }
  }
  std::vector<std::vector<int>> waits;
  for (auto const& [name, ranks] : calls) {
    waits.push_back(ranks);
  }
  std::stable_sort(
      waits.begin(), waits.end(), [](auto const& a, auto const& b) { return a.size() > b.size(); });
  for (std::size_t i = 0; i < waits.size() && i < most_calls; ++i) {
    lines.push_back(describe_wait(graph, waits[i]));
  }
  if (waits.size() > most_calls) {
    lines.push_back(concat("and ranks wait in ", waits.size() - most_calls, " more calls"));
  }
  return lines;
}

}  // namespace talus::parallel
