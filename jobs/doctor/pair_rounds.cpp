// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/pair_rounds.hpp"

#include <algorithm>

namespace talus::doctor {

PairRounds::PairRounds(int num_members, int most_rounds)
    : num_members_{num_members},
      num_places_{num_members + num_members % 2},
      num_rounds_{std::min(std::max(num_places_ - 1, 0), most_rounds)} {}

std::int64_t PairRounds::num_pairs() const noexcept {
  return std::int64_t{num_members_} * (num_members_ - 1) / 2;
}

int PairRounds::partner_of(int member, int round) const noexcept {
  std::int64_t const moving = num_places_ - 1;
  std::int64_t const shift = round * moving / num_rounds_;
  // Moving members a and b meet in the round 's' with a + b = s (modulo their number); the one that
  // would meet itself meets the member that stays, which is the last place.
  std::int64_t partner = 0;
  if (member == moving) {
    // 2 p = s: the inverse of 2 modulo an odd number is half of the next.
    partner = shift * ((moving + 1) / 2) % moving;
  } else {
    partner = (shift - member + moving) % moving;
    partner = partner == member ? moving : partner;
  }
  return partner < num_members_ ? static_cast<int>(partner) : -1;
}

}  // namespace talus::doctor
