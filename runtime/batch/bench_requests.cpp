// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/bench_requests.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/base/error.hpp"
#include "runtime/sampling/philox.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t most_ids = 10'000;
constexpr std::uint64_t shared_prefix = std::numeric_limits<std::uint64_t>::max();

/// Which of a request's random numbers are for what: RandomPlace::sample.
enum class Draw : std::uint32_t { tokens = 1, input_len = 2, output_len = 3 };

void check(char const* flag, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) {
    throw ConfigError{concat(flag, ": ", value, " (from ", least, " to ", most, ')')};
  }
}

void check_common(std::int64_t input_len, std::int64_t output_len, std::int64_t n) {
  constexpr std::int64_t longest = std::int64_t{1} << 24;
  check("--input-len", input_len, 1, longest);
  check("--output-len", output_len, 1, longest);
  check("--n", n, 1, 65536);
}

/// A number of [0, below) for a request.
std::int64_t draw(std::uint64_t seed,
                  std::uint64_t request,
                  Draw what,
                  std::uint32_t position,
                  std::int64_t below) {
  float const u = uniform({.seed = seed,
                           .request = request,
                           .sample = static_cast<std::uint32_t>(what),
                           .position = position});
  return static_cast<std::int64_t>(static_cast<double>(u) * static_cast<double>(below));
}

/// Appends random ids.
void add_tokens(std::uint64_t seed,
                std::uint64_t request,
                std::int64_t count,
                std::int64_t vocab,
                std::vector<std::int32_t>& tokens) {
  for (std::int64_t i = 0; i < count; ++i) {
    auto const position = static_cast<std::uint32_t>(i);
    tokens.push_back(static_cast<std::int32_t>(
        draw(seed, request, Draw::tokens, position, std::min(vocab, most_ids))));
  }
}

SequenceInput make_input(std::uint64_t seed, std::int64_t number, std::int32_t output_len) {
  SequenceInput input;
  input.number = number;
  input.key = static_cast<std::uint64_t>(number);
  input.seed = seed;
  input.max_tokens = output_len;
  input.rule.temperature = 1.0F;
  input.ignore_eos = true;
  return input;
}

/// Appends the samples of a request.
void add_samples(SequenceInput input, std::int32_t n, BenchRequests& requests) {
  input.num_samples = static_cast<std::uint32_t>(n);
  for (input.sample = 0; input.sample < input.num_samples; ++input.sample) {
    requests.push_back(input);
  }
}

/// A length around `length`.
std::int32_t vary(
    std::int32_t length, double ratio, std::uint64_t seed, std::int64_t request, Draw what) {
  auto const middle = static_cast<double>(length);
  auto const least =
      std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(middle * (1.0 - ratio))), 1);
  auto const most = static_cast<std::int64_t>(std::ceil(middle * (1.0 + ratio)));
  auto const number = static_cast<std::uint64_t>(request);
  return static_cast<std::int32_t>(least + draw(seed, number, what, 0, most - least + 1));
}

}  // namespace

BenchRequests make_requests(LatencyShape const& shape, std::int64_t vocab, std::uint64_t seed) {
  check_common(shape.input_len, shape.output_len, shape.n);
  check("--batch-size", shape.batch_size, 1, 65536);
  BenchRequests requests;
  for (std::int32_t i = 0; i < shape.batch_size; ++i) {
    SequenceInput input = make_input(seed, i, shape.output_len);
    add_tokens(seed, input.key, shape.input_len, vocab, input.prompt);
    add_samples(std::move(input), shape.n, requests);
  }
  return requests;
}

BenchRequests make_requests(ThroughputShape const& shape, std::int64_t vocab, std::uint64_t seed) {
  check_common(shape.input_len, shape.output_len, shape.n);
  check("--prefix-len", shape.prefix_len, 0, std::int64_t{1} << 24);
  check("--num-prompts", shape.num_prompts, 1, std::int64_t{1} << 24);
  if (!(shape.range_ratio >= 0.0 && shape.range_ratio < 1.0)) {
    throw ConfigError{
        concat("--random-range-ratio: ", shape.range_ratio, " (from 0 to less than 1)")};
  }
  std::vector<std::int32_t> prefix;
  add_tokens(seed, shared_prefix, shape.prefix_len, vocab, prefix);
  BenchRequests requests;
  for (std::int32_t i = 0; i < shape.num_prompts; ++i) {
    SequenceInput input =
        make_input(seed, i, vary(shape.output_len, shape.range_ratio, seed, i, Draw::output_len));
    input.prompt = prefix;
    add_tokens(seed,
               input.key,
               vary(shape.input_len, shape.range_ratio, seed, i, Draw::input_len),
               vocab,
               input.prompt);
    add_samples(std::move(input), shape.n, requests);
  }
  return requests;
}

ModelOptions fitted_to(BenchRequests const& requests, ModelOptions options) {
  std::int64_t longest = 1;
  for (SequenceInput const& input : requests) {
    longest = std::max(longest, std::ssize(input.prompt) + input.max_tokens);
  }
  options.max_model_len = options.max_model_len.value_or(longest);
  options.max_num_seqs = std::min<std::int64_t>(options.max_num_seqs, std::ssize(requests));
  return options;
}

}  // namespace talus::runtime
