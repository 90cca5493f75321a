// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampling/token_rules.hpp"

namespace talus::runtime {

/// Watches for an output that goes round in circles.
class RepetitionWatch {
 public:
  explicit RepetitionWatch(RepetitionRule const& rule);

  /// Looks at the last token of an output. Cost: one comparison for each size of a pattern.
  void add(std::span<std::int32_t const> output);

  /// Whether the output ends with a pattern as often as the rule says.
  [[nodiscard]] bool is_circling() const noexcept { return is_circling_; }

 private:
  RepetitionRule rule_;
  /// For each size of a pattern, how many of the last tokens equal the one that size before.
  std::vector<std::int32_t> equal_;
  bool is_circling_ = false;
};

}  // namespace talus::runtime
