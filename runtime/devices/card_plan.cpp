// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// Which rank has which card, as cards are given out one after another. A rank whose cards are all
/// taken has another one move to a card that is free, if that helps (augmenting paths).
class Assignment {
 public:
  explicit Assignment(std::span<RankCards const> ranks)
      : ranks_{ranks}, numbers_(ranks.size(), -1) {}

  /// \return whether there was a card
  bool give_one(std::size_t rank) {
    std::set<std::string> visited;
    return give_one(rank, visited);
  }

  [[nodiscard]] int number_of(std::size_t rank) const { return numbers_[rank]; }

  /// The place among those that a rank sees where it begins to look.
  [[nodiscard]] std::size_t preferred(std::size_t rank) const {
    return rank % ranks_[rank].seen.size();
  }

 private:
  bool give_one(std::size_t rank, std::set<std::string>& visited) {
    auto const& seen = ranks_[rank].seen;
    // First what is free, so that nobody moves without need.
    for (bool const may_move : {false, true}) {
      for (std::size_t i = 0; i < seen.size(); ++i) {
        std::size_t const number = (preferred(rank) + i) % seen.size();
        std::string const& uuid = seen[number].uuid;
        auto const owner = owners_.find(uuid);
        bool const is_free = owner == owners_.end();
        if (!is_free && (!may_move || !visited.insert(uuid).second)) {
          continue;
        }
        if (is_free || give_one(owner->second, visited)) {
          owners_[uuid] = rank;
          numbers_[rank] = static_cast<int>(number);
          return true;
        }
      }
    }
    return false;
  }

  std::span<RankCards const> ranks_;
  std::vector<int> numbers_;
  std::map<std::string, std::size_t> owners_;
};

std::string const& uuid_of(RankCards const& rank, CardChoice const& choice) {
  return rank.seen[static_cast<std::size_t>(choice.number)].uuid;
}

void check_all_see_cards(std::string const& host, std::span<RankCards const> ranks) {
  for (RankCards const& rank : ranks) {
    if (rank.seen.empty()) {
      throw ConfigError{concat("rank ",
                               rank.rank,
                               " on ",
                               host,
                               ": sees no GPU (",
                               rank.reason.empty() ? "nothing tells why" : rank.reason,
                               "; every rank of the cuda backend needs one)")};
    }
  }
}

}  // namespace

std::vector<CardChoice> choose_cards(std::span<RankCards const> ranks) {
  Assignment assignment{ranks};
  std::vector<CardChoice> choices(ranks.size());
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (!ranks[rank].seen.empty() && !assignment.give_one(rank)) {
      choices[rank].number = static_cast<int>(assignment.preferred(rank));
    }
  }
  std::map<std::string, int> counts;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (choices[rank].number < 0) {
      choices[rank].number = assignment.number_of(rank);
    }
    if (choices[rank].number >= 0) {
      ++counts[uuid_of(ranks[rank], choices[rank])];
    }
  }
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    choices[rank].num_sharers =
        choices[rank].number >= 0 ? counts[uuid_of(ranks[rank], choices[rank])] : 0;
  }
  return choices;
}

std::vector<SharedCard> shared_cards(std::span<RankCards const> ranks,
                                     std::span<CardChoice const> choices) {
  std::vector<SharedCard> shared;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (choices[i].num_sharers < 2) {
      continue;
    }
    auto const& taken = ranks[i].seen[static_cast<std::size_t>(choices[i].number)];
    auto card = std::find_if(shared.begin(), shared.end(), [&](SharedCard const& other) {
      return other.uuid == taken.uuid;
    });
    if (card == shared.end()) {
      card = shared.insert(shared.end(), {taken.name, taken.uuid, {}});
    }
    card->ranks.push_back(ranks[i].rank);
  }
  return shared;
}

std::string describe(std::string const& host, SharedCard const& card) {
  std::string names;
  for (int const rank : card.ranks) {
    names += concat(names.empty() ? "" : ", ", rank);
  }
  return concat(
      "ranks ", names, " on ", host, ": have one GPU together, ", card.name, ", UUID ", card.uuid);
}

std::vector<CardChoice> plan_cards(std::string const& host,
                                   std::span<RankCards const> ranks,
                                   CardSharing sharing) {
  check_all_see_cards(host, ranks);
  std::vector<CardChoice> choices = choose_cards(ranks);
  auto const shared = shared_cards(ranks, choices);
  if (sharing == CardSharing::refused && !shared.empty()) {
    throw ConfigError{concat(describe(host, shared.front()),
                             " (start as many ranks on a node as it has GPUs, or let them share "
                             "with --allow-shared-devices)")};
  }
  return choices;
}

std::string describe_idle_cards(std::string const& host,
                                std::span<RankCards const> ranks,
                                std::span<CardChoice const> choices) {
  std::set<std::string> idle;
  for (RankCards const& rank : ranks) {
    for (kernels::cuda::DeviceInfo const& card : rank.seen) {
      idle.insert(card.uuid);
    }
  }
  std::size_t const num_seen = idle.size();
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (choices[rank].number >= 0) {
      idle.erase(uuid_of(ranks[rank], choices[rank]));
    }
  }
  return idle.empty() ? ""
                      : concat(idle.size(),
                               " of the ",
                               num_seen,
                               " GPUs of ",
                               host,
                               " have no rank (they do nothing in this run)");
}

}  // namespace talus::runtime
