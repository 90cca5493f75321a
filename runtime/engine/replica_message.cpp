// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/replica_message.hpp"

#include <utility>

#include "runtime/engine/wire.hpp"

namespace talus::runtime {
namespace {

void write(WireWriter& out, SequenceInput const& input) {
  out.value(input.number);
  out.value(input.key);
  out.value(input.seed);
  out.value(input.sample);
  out.value(input.num_samples);
  out.list(std::span<std::int32_t const>{input.prompt});
  out.value(input.max_tokens);
  out.value(input.rule);
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
  input.max_tokens = in.value<std::int32_t>();
  input.rule = in.value<kernels::SampleRule>();
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
  out.value(message.is_last);
  out.list(std::span<SequenceId const>{message.stopped});
  out.value(message.arrivals.size());
  for (SequenceInput const& input : message.arrivals) {
    write(out, input);
  }
}

ReplicaMessage decode(std::span<std::byte const> bytes) {
  WireReader in{bytes};
  ReplicaMessage message;
  message.is_last = in.value<bool>();
  message.stopped = in.list<SequenceId>();
  auto const count = in.value<std::size_t>();
  for (std::size_t i = 0; i < count; ++i) {
    message.arrivals.push_back(read_input(in));
  }
  return message;
}

}  // namespace talus::runtime
