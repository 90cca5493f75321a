// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/rank_state.hpp"

namespace talus::parallel {

/// What others know of a rank's process.
enum class Contact {
  answers,  ///< it runs
  unknown,  ///< on another node, and can't be asked
  silent,   ///< has not answered for long
  stopped,  ///< by a signal
  traced,   ///< a debugger holds it
  gone,     ///< there is no such process any more
};

/// One rank, as another one sees it.
struct RankView {
  RankState state;
  Contact contact = Contact::unknown;
  double idle_s = 0.0;  ///< for so long it has made no progress, or has not answered
};

/// Why a job does not go on.
struct Hang {
  std::vector<int> culprits;       ///< ranks that others wait for and that won't come, ascending
  std::vector<std::string> lines;  ///< for people: the culprits first, then who waits for whom
};

/// Finds out whether ranks wait for what will not happen.
///
/// A rank hangs if it has made no progress for `patience_s` and is in no call, or waits in a call
/// for a rank that hangs; or if its process does not run. So one that waits for hours for another
/// one that works does not hang. A rank that waits for something outside of the job never does, and
/// nothing is said while a debugger holds one.
///
/// \param ranks  by rank
/// \return  nothing: the job goes on, or will
[[nodiscard]] std::optional<Hang> find_hang(std::span<RankView const> ranks, double patience_s);

}  // namespace talus::parallel
