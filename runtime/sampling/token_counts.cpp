// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/token_counts.hpp"

namespace talus::runtime {

kernels::TokenCount& TokenCounts::at(std::int32_t token) {
  auto const [place, is_new] = places_.try_emplace(token, counts_.size());
  if (is_new) {
    counts_.push_back({.token = token});
  }
  return counts_[place->second];
}

}  // namespace talus::runtime
