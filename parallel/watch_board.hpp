// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/hang.hpp"
#include "parallel/shared_window.hpp"

namespace talus::parallel {

/// The states of the ranks of this node in memory that they share, and what can be seen of their
/// processes. Where there is no such memory, this rank's own.
class WatchBoard {
 public:
  /// Collective over `node`.
  ///
  /// \param ranks  [ranks of the node] their numbers in the job
  WatchBoard(Communicator const& node, std::vector<int> ranks);

  WatchBoard(WatchBoard const&) = delete;
  WatchBoard& operator=(WatchBoard const&) = delete;
  ~WatchBoard() = default;

  /// This rank's state.
  [[nodiscard]] RankState& mine() noexcept { return *states_[mine_]; }

  /// Ranks whose states are here.
  [[nodiscard]] std::span<int const> ranks() const noexcept { return ranks_; }

  /// Looks at the others' heartbeats.
  ///
  /// \param passed_s  since the last look, of this process's own time
  void look(double passed_s);

  /// The longest that a rank of this node has made no progress, in seconds.
  [[nodiscard]] double longest_idle_s() const;

  /// True if no rank before this one on the node can act for the node.
  [[nodiscard]] bool is_first_able(double patience_s) const;

  /// What is known of each of ranks().
  [[nodiscard]] std::vector<RankView> views(double patience_s) const;

  /// Tells the others on the node to fulfil their last wishes.
  void give_order() noexcept;

  /// True if the others have, those that can.
  [[nodiscard]] bool is_order_done(double patience_s) const;

 private:
  /// What this rank sees of another one's heartbeat.
  struct Pulse {
    std::uint64_t last = 0;
    double still_s = 0.0;
  };

  [[nodiscard]] Contact contact_of(std::size_t place, double patience_s) const;

  std::optional<SharedWindow> window_;
  RankState own_;
  std::vector<int> ranks_;
  std::vector<RankState*> states_;
  std::vector<Pulse> pulses_;
  std::size_t mine_ = 0;
};

/// What a rank has been told to do (RankState::order).
enum class WatchOrder : std::uint64_t { none, last_wishes, done };

/// What the system says of a process of this host: answers, stopped, traced or gone.
[[nodiscard]] Contact look_at_process(std::uint64_t pid);

}  // namespace talus::parallel
