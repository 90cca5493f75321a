// SPDX-License-Identifier: Apache-2.0
#include "parallel/hang.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

#include "parallel/hang_text.hpp"
#include "parallel/wait_graph.hpp"

namespace talus::parallel {

namespace {

/// Where all that hang wait in calls: those whose calls the smallest share of ranks has come to,
/// and of these the ones that most others wait for. Two ranks that wait for each other are both of
/// them: nothing tells who is wrong.
std::vector<int> outvoted(WaitGraph const& graph, std::span<int const> hanging) {
  std::map<int, int> waiters;
  for (int const rank : hanging) {
    for (int const late : graph.missing(rank)) {
      ++waiters[late];
    }
  }
  auto const place = [&](int rank) { return std::pair{graph.attendance(rank), -waiters[rank]}; };
  int const first = *std::min_element(
      hanging.begin(), hanging.end(), [&](int a, int b) { return place(a) < place(b); });
  std::vector<int> found;
  std::copy_if(hanging.begin(), hanging.end(), std::back_inserter(found), [&](int rank) {
    return place(rank) == place(first);
  });
  return found;
}

std::vector<int> culprits_of(WaitGraph const& graph, std::span<int const> hanging) {
  std::vector<int> found;
  for (int const rank : hanging) {
    if (graph.is_root(rank)) {
      found.push_back(rank);
    }
  }
  if (found.empty()) {
    for (int const rank : hanging) {
      if (graph.view(rank).state.files > 0) {
        found.push_back(rank);
      }
    }
  }
  return found.empty() ? outvoted(graph, hanging) : found;
}

}  // namespace

std::optional<Hang> find_hang(std::span<RankView const> ranks, double patience_s) {
  for (RankView const& view : ranks) {
    if (view.contact == Contact::traced) {
      return std::nullopt;
    }
  }
  WaitGraph const graph{ranks};
  std::vector<int> const hanging = graph.hanging(patience_s);
  bool const is_one = std::any_of(hanging.begin(), hanging.end(), [&](int rank) {
    return ranks[static_cast<std::size_t>(rank)].state.status() != RankStatus::failed;
  });
  if (!is_one) {
    return std::nullopt;  // one that failed alone harms nobody yet
  }
  Hang hang{.culprits = culprits_of(graph, hanging), .lines = {}};
  hang.lines = describe_hang(graph, hanging, hang.culprits);
  return hang;
}

}  // namespace talus::parallel
