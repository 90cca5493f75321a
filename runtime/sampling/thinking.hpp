// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "runtime/sampling/token_rules.hpp"

namespace talus::runtime {

/// Follows a sequence in and out of its thinking, and says which tokens close it when its budget
/// is used up. Each stretch of thinking has the whole budget.
class ThinkingWatch {
 public:
  /// \param prompt  may end within thinking; its tokens after the mark count
  ThinkingWatch(ThinkingRule rule, std::span<std::int32_t const> prompt);

  /// Looks at the last token of a sequence, prompt and output; if one was forced, it is that one.
  void add(std::span<std::int32_t const> sequence);

  /// The token that must come next, if the thinking has to end.
  [[nodiscard]] std::optional<std::int32_t> forced() const;

 private:
  void follow(std::span<std::int32_t const> sequence);

  ThinkingRule rule_;
  bool is_thinking_ = false;
  std::int64_t num_thought_ = 0;  ///< tokens after the opening mark, without forced ones
  std::size_t num_closing_ = 0;   ///< tokens of the closing mark that were forced already
};

}  // namespace talus::runtime
