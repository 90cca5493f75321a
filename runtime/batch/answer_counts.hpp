// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace talus::runtime {

/// How many requests are done.
struct AnswerCounts {
  std::int64_t answers = 0;
  std::int64_t errors = 0;
  std::int64_t output_tokens = 0;

  [[nodiscard]] std::int64_t done() const noexcept { return answers + errors; }

  AnswerCounts& operator+=(AnswerCounts const& other) noexcept {
    answers += other.answers;
    errors += other.errors;
    output_tokens += other.output_tokens;
    return *this;
  }
};

}  // namespace talus::runtime
