// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/thinking.hpp"

#include <algorithm>
#include <utility>

namespace talus::runtime {
namespace {

bool ends_with(std::span<std::int32_t const> sequence, std::span<std::int32_t const> mark) {
  return sequence.size() >= mark.size() &&
         std::equal(mark.begin(), mark.end(), sequence.end() - std::ssize(mark));
}

}  // namespace

ThinkingWatch::ThinkingWatch(ThinkingRule rule, std::span<std::int32_t const> prompt)
    : rule_{std::move(rule)} {
  if (rule_.budget < 0) {
    return;
  }
  for (std::size_t end = 1; end <= prompt.size(); ++end) {
    follow(prompt.first(end));
  }
}

void ThinkingWatch::follow(std::span<std::int32_t const> sequence) {
  if (ends_with(sequence, rule_.close)) {
    is_thinking_ = false;
  } else if (ends_with(sequence, rule_.open)) {
    is_thinking_ = true;
    num_thought_ = 0;
  } else if (is_thinking_) {
    ++num_thought_;
  }
}

void ThinkingWatch::add(std::span<std::int32_t const> sequence) {
  if (rule_.budget < 0) {
    return;
  }
  if (!forced()) {
    follow(sequence);
    return;
  }
  ++num_closing_;
  if (num_closing_ == rule_.close.size()) {
    is_thinking_ = false;
    num_closing_ = 0;
  }
}

std::optional<std::int32_t> ThinkingWatch::forced() const {
  if (!is_thinking_ || num_thought_ < rule_.budget) {
    return std::nullopt;
  }
  return rule_.close[num_closing_];
}

}  // namespace talus::runtime
