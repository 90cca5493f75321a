// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/token_guide.hpp"

#include <algorithm>
#include <utility>

namespace talus::runtime {

TokenGuide::TokenGuide(TokenRules rules, std::span<std::int32_t const> prompt)
    : rules_{std::move(rules)},
      num_prompt_{std::ssize(prompt)},
      thinking_{rules_.thinking, prompt},
      repetition_{rules_.repetition} {
  if (rules_.repetition_penalty != 1.0F) {
    for (std::int32_t const token : prompt) {
      counts_.add_prompt(token);
    }
  }
  find_banned({});
}

void TokenGuide::add(std::span<std::int32_t const> sequence) {
  auto const output = sequence.subspan(static_cast<std::size_t>(num_prompt_));
  num_output_ = std::ssize(output);
  if (rules_.has_penalties()) {
    counts_.add_output(output.back());
  }
  thinking_.add(sequence);
  repetition_.add(output);
  find_banned(output);
}

void TokenGuide::find_banned(std::span<std::int32_t const> output) {
  banned_.clear();
  if (!may_end()) {
    banned_ = rules_.end_tokens;
  }
  for (std::vector<std::int32_t> const& word : rules_.bad_words) {
    auto const before = std::ssize(word) - 1;
    if (before <= std::ssize(output) &&
        std::equal(word.begin(), word.end() - 1, output.end() - before)) {
      banned_.push_back(word.back());
    }
  }
  std::sort(banned_.begin(), banned_.end());
  banned_.erase(std::unique(banned_.begin(), banned_.end()), banned_.end());
}

kernels::LogitEdit TokenGuide::edit() const {
  return {.allowed = rules_.allowed,
          .banned = banned_,
          .biases = rules_.biases,
          .counts = counts_.all(),
          .repetition_penalty = rules_.repetition_penalty,
          .frequency_penalty = rules_.frequency_penalty,
          .presence_penalty = rules_.presence_penalty};
}

}  // namespace talus::runtime
