// SPDX-License-Identifier: Apache-2.0
#include "parallel/wait_graph.hpp"

#include <algorithm>

namespace talus::parallel {

namespace {

bool is_out_of_reach(RankView const& view) noexcept {
  return view.contact == Contact::silent || view.contact == Contact::stopped ||
         view.contact == Contact::gone;
}

}  // namespace

WaitGraph::WaitGraph(std::span<RankView const> ranks) : ranks_{ranks} {
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    for (RankState::Group const& group : ranks[rank].state.groups) {
      if (group.id != 0) {
        members_[group.id].push_back({static_cast<int>(rank), group.calls()});
      }
    }
  }
}

std::vector<WaitGraph::Member> const* WaitGraph::members(std::uint64_t group) const {
  auto const found = members_.find(group);
  return found == members_.end() ? nullptr : &found->second;
}

std::vector<int> WaitGraph::missing(int rank) const {
  std::vector<int> late;
  RankState const& state = view(rank).state;
  if (std::vector<Member> const* const all = members(state.group)) {
    for (Member const& member : *all) {
      if (member.rank != rank && member.calls < state.need) {
        late.push_back(member.rank);
      }
    }
  }
  return late;
}

double WaitGraph::attendance(int rank) const {
  RankState const& state = view(rank).state;
  auto const size = static_cast<double>(std::max<std::uint64_t>(state.size, 1));
  return 1.0 - static_cast<double>(missing(rank).size()) / size;
}

bool WaitGraph::is_root(int rank) const noexcept {
  RankView const& it = view(rank);
  return is_out_of_reach(it) || it.state.status() == RankStatus::failed || it.state.waits == 0;
}

bool WaitGraph::may_hang(int rank, double patience_s) const noexcept {
  RankView const& it = view(rank);
  switch (it.state.status()) {
    case RankStatus::absent:
    case RankStatus::working:
      return it.contact != Contact::unknown && it.idle_s >= patience_s;
    case RankStatus::failed:
      return true;
    case RankStatus::patient:
      return is_out_of_reach(it) && it.idle_s >= patience_s;
    case RankStatus::finished:
      return false;
  }
  return false;
}

/// Whether a rank that waits does so for one that hangs.
bool WaitGraph::is_held_up(int rank, std::vector<bool> const& hangs) const {
  auto const does_hang = [&](int other) { return hangs[static_cast<std::size_t>(other)]; };
  std::vector<int> const late = missing(rank);
  if (!late.empty()) {
    return std::any_of(late.begin(), late.end(), does_hang);
  }
  // All have come, and it does not end: they are held up together, or one is that has come.
  std::vector<Member> const* const all = members(view(rank).state.group);
  if (all == nullptr || all->size() < view(rank).state.size) {
    return std::all_of(hangs.begin(), hangs.end(), [](bool other) { return other; }) ||
           does_any_root_hang(hangs);
  }
  return all->size() == 1 || std::any_of(all->begin(), all->end(), [&](Member const& member) {
           return member.rank != rank && does_hang(member.rank);
         });
}

bool WaitGraph::does_any_root_hang(std::vector<bool> const& hangs) const {
  for (std::size_t rank = 0; rank < hangs.size(); ++rank) {
    if (hangs[rank] && is_root(static_cast<int>(rank))) {
      return true;
    }
  }
  return false;
}

std::vector<int> WaitGraph::hanging(double patience_s) const {
  std::vector<bool> hangs(ranks_.size());
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    hangs[rank] = may_hang(static_cast<int>(rank), patience_s);
  }
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      auto const rank = static_cast<int>(i);
      if (hangs[i] && !is_root(rank) && !is_held_up(rank, hangs)) {
        hangs[i] = false;
        is_changed = true;
      }
    }
  }
  std::vector<int> found;
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    if (hangs[rank]) {
      found.push_back(static_cast<int>(rank));
    }
  }
  return found;
}

}  // namespace talus::parallel
