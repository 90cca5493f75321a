// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/sequence.hpp"

#include <algorithm>
#include <utility>

namespace talus::runtime {
namespace {

bool contains(std::span<std::int32_t const> list, std::int32_t token) {
  return std::find(list.begin(), list.end(), token) != list.end();
}

}  // namespace

SequenceState start_sequence(SequenceInput input) {
  SequenceState sequence;
  sequence.tokens.reserve(input.prompt.size() + static_cast<std::size_t>(input.max_tokens));
  sequence.tokens = input.prompt;
  sequence.input = std::move(input);
  if (sequence.input.rules) {
    sequence.guide.emplace(*std::exchange(sequence.input.rules, std::nullopt), sequence.tokens);
  }
  for (std::int32_t const token : sequence.input.drawn) {
    sequence.tokens.push_back(token);
    if (sequence.guide) {
      sequence.guide->add(sequence.tokens);
    }
  }
  return sequence;
}

void append_token(SequenceState& sequence, std::int32_t token, std::span<std::int32_t const> eos) {
  sequence.tokens.push_back(token);
  SequenceInput const& input = sequence.input;
  std::optional<TokenGuide>& guide = sequence.guide;
  if (guide) {
    guide->add(sequence.tokens);
  }
  bool const may_end = !guide || guide->may_end();
  bool const is_eos = !input.ignore_eos && contains(eos, token);
  if (may_end && contains(input.stop_tokens, token)) {
    sequence.end = SequenceEnd::stop;
    sequence.stop_token = token;
  } else if (may_end && is_eos) {
    sequence.end = SequenceEnd::stop;
  } else if (sequence.num_output_tokens() >= input.max_tokens) {
    sequence.end = SequenceEnd::length;
  } else if (may_end && guide && guide->is_circling()) {
    sequence.end = SequenceEnd::repetition;
  }
}

}  // namespace talus::runtime
