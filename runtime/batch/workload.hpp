// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <mpi.h>

#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/engine/sequence.hpp"

namespace talus::runtime {

/// Requests that are the same wherever they are made: to compare layouts with each other.
struct Workload {
  std::vector<SequenceInput> sequences;  ///< the samples of a request one behind the other
};

/// Requests of random tokens: prompts of several lengths, half of the requests greedy and half
/// drawn, every third with three samples, with log-probabilities of every token and of some
/// prompts.
///
/// \param max_tokens  new tokens of each
[[nodiscard]] Workload make_workload(ModelSpec const& spec,
                                     std::int32_t num_requests,
                                     std::int32_t longest_prompt,
                                     std::int32_t max_tokens,
                                     std::uint64_t seed);

/// What a workload gave: every token and the bits of every log-probability, in the order of its
/// sequences.
struct WorkloadResult {
  std::vector<std::vector<std::int32_t>> tokens;  ///< drawn, one list a sequence
  std::vector<std::vector<float>> logprobs;       ///< of prompt and drawn tokens and their rivals
  std::int64_t preemptions = 0;
  std::int64_t computed_tokens = 0;  ///< that went through the layers, of prompts and answers

  [[nodiscard]] std::uint64_t token_hash() const;
  [[nodiscard]] std::uint64_t logprob_hash() const;
};

/// Runs a workload on all ranks of `comm` with the given options. Collective over `comm`.
///
/// \return on every rank the same result
/// \throws ConfigError  on every rank, if the options don't fit
[[nodiscard]] WorkloadResult run_workload(MPI_Comm comm,
                                          ModelOptions const& options,
                                          Workload const& workload);

}  // namespace talus::runtime
