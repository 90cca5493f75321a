// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "io/requests/answer.hpp"
#include "io/requests/generation_defaults.hpp"
#include "io/requests/reasoning.hpp"

namespace talus::runtime {

/// What all requests of a run have in common.
struct BatchRules {
  std::int64_t max_model_len = 0;  ///< tokens of a prompt and its answer
  std::int64_t vocab = 0;
  std::vector<std::int32_t> eos_tokens;  ///< that end a text
  std::uint64_t seed = 0;
  io::RequestDefaults defaults;
  io::ReasoningParser reasoning = io::ReasoningParser::none;
  io::RunLabels labels;
  std::int32_t num_replicas = 1;
  std::int32_t replica = 0;
  bool saves_tokens = false;  ///< those of unfinished answers
};

}  // namespace talus::runtime
