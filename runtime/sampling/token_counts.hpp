// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "kernels/sampling.hpp"

namespace talus::runtime {

/// Which tokens a sequence has and how often its output has them, kept as it grows.
///
/// Memory grows with the number of different tokens, not with the vocabulary.
class TokenCounts {
 public:
  /// Counts a token of the prompt as there.
  void add_prompt(std::int32_t token) { static_cast<void>(at(token)); }

  /// Counts a token of the output once more.
  void add_output(std::int32_t token) { ++at(token).in_output; }

  /// Each token once, in the order in which they came.
  [[nodiscard]] std::span<kernels::TokenCount const> all() const noexcept { return counts_; }

 private:
  kernels::TokenCount& at(std::int32_t token);

  std::vector<kernels::TokenCount> counts_;
  std::unordered_map<std::int32_t, std::size_t> places_;
};

}  // namespace talus::runtime
