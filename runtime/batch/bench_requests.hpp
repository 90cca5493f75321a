// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/batch/bench_engine.hpp"

/// \file
/// Made-up requests, the same wherever they are made: random token ids below 10000 and below the
/// vocabulary, temperature 1, no early end.

namespace talus::runtime {

/// One batch of requests that are all alike.
struct LatencyShape {
  std::int32_t input_len = 32;    ///< tokens of a prompt
  std::int32_t output_len = 128;  ///< tokens of an answer
  std::int32_t batch_size = 8;    ///< requests
  std::int32_t n = 1;             ///< answers of a request
};

/// Many requests of about the same length.
struct ThroughputShape {
  std::int32_t input_len = 0;   ///< tokens of a prompt, without the prefix
  std::int32_t output_len = 0;  ///< tokens of an answer
  /// Lengths are uniform in [length * (1 - ratio), length * (1 + ratio)], rounded outwards.
  double range_ratio = 0.0;
  std::int32_t prefix_len = 0;  ///< tokens that all prompts begin with
  std::int32_t num_prompts = 1000;
  std::int32_t n = 1;  ///< answers of a request
};

/// \throws ConfigError  naming the flag of vLLM, if a number can't be used
[[nodiscard]] BenchRequests make_requests(LatencyShape const& shape,
                                          std::int64_t vocab,
                                          std::uint64_t seed);

/// \throws ConfigError  naming the flag of vLLM, if a number can't be used
[[nodiscard]] BenchRequests make_requests(ThroughputShape const& shape,
                                          std::int64_t vocab,
                                          std::uint64_t seed);

/// Options with which an engine has room for these requests and takes no memory for more: where the
/// user didn't say the longest sequence, the longest of these; no more sequences than there are.
[[nodiscard]] ModelOptions fitted_to(BenchRequests const& requests, ModelOptions options);

}  // namespace talus::runtime
