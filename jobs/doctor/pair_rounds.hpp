// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace talus::doctor {

/// Rounds in which members of a group meet in pairs, each member at most once a round.
///
/// All rounds together are all pairs, each once (the circle method: one member stays, the others
/// move on by one place). Where there are more than `most_rounds`, evenly spread ones are taken, so
/// that the cost doesn't grow with the square of the members, and each member is measured as often.
class PairRounds {
 public:
  PairRounds(int num_members, int most_rounds);

  [[nodiscard]] int num_rounds() const noexcept { return num_rounds_; }

  /// All pairs that there are, measured or not.
  [[nodiscard]] std::int64_t num_pairs() const noexcept;

  /// Whom `member` meets in `round`; -1: nobody.
  [[nodiscard]] int partner_of(int member, int round) const noexcept;

 private:
  int num_members_;
  int num_places_;  // even: a place without a member is where one has nobody to meet
  int num_rounds_;
};

}  // namespace talus::doctor
