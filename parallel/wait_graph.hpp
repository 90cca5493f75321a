// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "parallel/hang.hpp"

namespace talus::parallel {

/// Which rank waits for which.
class WaitGraph {
 public:
  /// \param ranks  by rank; outlive the graph
  explicit WaitGraph(std::span<RankView const> ranks);

  [[nodiscard]] RankView const& view(int rank) const noexcept {
    return ranks_[static_cast<std::size_t>(rank)];
  }

  /// Ranks that have not come to the call that `rank` waits in.
  [[nodiscard]] std::vector<int> missing(int rank) const;

  /// The share of its ranks that have come to the call that `rank` waits in.
  [[nodiscard]] double attendance(int rank) const;

  /// Ranks that hang (find_hang says what that is), ascending.
  [[nodiscard]] std::vector<int> hanging(double patience_s) const;

  /// True if the reason is with this rank, and not with one that it waits for.
  [[nodiscard]] bool is_root(int rank) const noexcept;

 private:
  /// A group as one of its ranks has it.
  struct Member {
    int rank;
    std::uint64_t calls;
  };

  [[nodiscard]] std::vector<Member> const* members(std::uint64_t group) const;
  [[nodiscard]] bool may_hang(int rank, double patience_s) const noexcept;
  [[nodiscard]] bool is_held_up(int rank, std::vector<bool> const& hangs) const;
  [[nodiscard]] bool does_any_root_hang(std::vector<bool> const& hangs) const;

  std::span<RankView const> ranks_;
  std::unordered_map<std::uint64_t, std::vector<Member>> members_;
};

}  // namespace talus::parallel
