// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/replica_message.hpp"

#include <utility>

#include "runtime/engine/wire.hpp"

namespace talus::runtime {
namespace {

void write(WireWriter& out, TokenRules const& rules) {
  out.value(rules.repetition_penalty);
  out.value(rules.presence_penalty);
  out.value(rules.frequency_penalty);
  out.value(rules.min_tokens);
  out.list(std::span<std::int32_t const>{rules.end_tokens});
  out.list(std::span<std::int32_t const>{rules.allowed});
  out.list(std::span<kernels::TokenBias const>{rules.biases});
  out.value(rules.bad_words.size());
  for (std::vector<std::int32_t> const& word : rules.bad_words) {
    out.list(std::span<std::int32_t const>{word});
  }
  out.value(rules.thinking.budget);
  out.list(std::span<std::int32_t const>{rules.thinking.open});
  out.list(std::span<std::int32_t const>{rules.thinking.close});
  out.value(rules.repetition);
}

TokenRules read_rules(WireReader& in) {
  TokenRules rules;
  rules.repetition_penalty = in.value<float>();
  rules.presence_penalty = in.value<float>();
  rules.frequency_penalty = in.value<float>();
  rules.min_tokens = in.value<std::int32_t>();
  rules.end_tokens = in.list<std::int32_t>();
  rules.allowed = in.list<std::int32_t>();
  rules.biases = in.list<kernels::TokenBias>();
  auto const num_words = in.value<std::size_t>();
  for (std::size_t i = 0; i < num_words; ++i) {
    rules.bad_words.push_back(in.list<std::int32_t>());
  }
  rules.thinking.budget = in.value<std::int32_t>();
  rules.thinking.open = in.list<std::int32_t>();
  rules.thinking.close = in.list<std::int32_t>();
  rules.repetition = in.value<RepetitionRule>();
  return rules;
}

void write(WireWriter& out, SequenceInput const& input) {
  out.value(input.number);
  out.value(input.key);
  out.value(input.seed);
  out.value(input.sample);
  out.value(input.num_samples);
  out.list(std::span<std::int32_t const>{input.prompt});
  out.list(std::span<std::int32_t const>{input.drawn});
  out.value(input.max_tokens);
  out.value(input.rule);
  out.value(input.rules.has_value());
  if (input.rules) {
    write(out, *input.rules);
  }
  out.value(input.ignore_eos);
  out.list(std::span<std::int32_t const>{input.stop_tokens});
  out.value(input.logprobs);
  out.value(input.prompt_logprobs);
}

SequenceInput read_input(WireReader& in) {
  SequenceInput input;
  input.number = in.value<std::int64_t>();
  input.key = in.value<std::uint64_t>();
  input.seed = in.value<std::uint64_t>();
  input.sample = in.value<std::uint32_t>();
  input.num_samples = in.value<std::uint32_t>();
  input.prompt = in.list<std::int32_t>();
  input.drawn = in.list<std::int32_t>();
  input.max_tokens = in.value<std::int32_t>();
  input.rule = in.value<kernels::SampleRule>();
  if (in.value<bool>()) {
    input.rules = read_rules(in);
  }
  input.ignore_eos = in.value<bool>();
  input.stop_tokens = in.list<std::int32_t>();
  input.logprobs = in.value<std::int32_t>();
  input.prompt_logprobs = in.value<std::int32_t>();
  return input;
}

}  // namespace

void encode(ReplicaMessage const& message, std::vector<std::byte>& bytes) {
  bytes.clear();
  WireWriter out{bytes};
  out.value(message.state);
  out.list(std::span<SequenceId const>{message.stopped});
  out.value(message.arrivals.size());
  for (SequenceInput const& input : message.arrivals) {
    write(out, input);
  }
}

ReplicaMessage decode(std::span<std::byte const> bytes) {
  WireReader in{bytes};
  ReplicaMessage message;
  message.state = in.value<RunState>();
  message.stopped = in.list<SequenceId>();
  auto const count = in.value<std::size_t>();
  for (std::size_t i = 0; i < count; ++i) {
    message.arrivals.push_back(read_input(in));
  }
  return message;
}

}  // namespace talus::runtime
