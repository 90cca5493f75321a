// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/request.hpp"

namespace talus::parallel {

/// Something that any rank may find out at any time, once, and that all ranks get to know while
/// they work: that the job is to stop, for instance.
///
/// It goes along the edges of a binary tree of the ranks, a hop for each look() on the way: at most
/// three messages an edge and direction, whatever the number of ranks and of those that give it.
class Notice {
 public:
  /// Collective over `comm`, which is duplicated.
  explicit Notice(Communicator const& comm);

  Notice(Notice const&) = delete;
  Notice& operator=(Notice const&) = delete;
  ~Notice() = default;

  /// Gives the notice, at any time before close() has returned. Local, and returns at once; the
  /// second time does nothing.
  void give();

  /// Passes on what has come; every rank calls it now and then. Does not wait.
  ///
  /// \return whether it was given, as far as this rank knows
  bool look();

  /// Ends it: returns when all ranks have come here, and passes the notice on until then.
  /// Collective.
  ///
  /// \param meanwhile  called again and again while this rank waits
  /// \return whether it was given, the same on all ranks: false if it came too late for that
  bool close(std::function<void()> const& meanwhile);

 private:
  /// What a message says.
  enum class Word : std::uint8_t {
    given,
    arrived,          ///< to the parent: all of my subtree are in close()
    ended,            ///< to a child: all ranks are
    ended_and_given,  ///< to a child: the same, and the notice was given
    leaving,          ///< to the parent: the last message
  };

  /// The other end of an edge of the tree. Stays where it is: messages are under way to and from
  /// it.
  struct Neighbour {
    int rank = 0;
    bool is_told = false;      ///< knows that it was given, or told us
    bool has_arrived = false;  ///< a child's subtree is in close()
    bool has_ended = false;    ///< its last message has come
    Word heard{};
    Request arrival;
    std::array<Word, 3> said{};  ///< what is on its way to it
    std::array<Request, 3> departures;
    std::size_t num_said = 0;
  };

  void listen(Neighbour& from);
  void say(Neighbour& to, Word word);
  void hear(Neighbour& from);
  void tell_others();
  [[nodiscard]] std::span<Neighbour> children();

  [[nodiscard]] bool is_root() const noexcept { return comm_.rank() == 0; }

  Communicator comm_;
  bool is_given_ = false;
  bool was_given_in_time_ = false;
  bool have_all_come_ = false;         ///< to close(): nobody needs to be told any more
  std::vector<Neighbour> neighbours_;  ///< the parent first, but for the root
};

}  // namespace talus::parallel
