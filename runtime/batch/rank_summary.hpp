// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/process_grid.hpp"
#include "runtime/model/step_clock.hpp"

namespace talus::runtime {

/// What one rank did in a run.
struct RankSummary {
  std::int64_t steps = 0;
  std::int64_t prefill_tokens = 0;
  std::int64_t decode_tokens = 0;
  double seconds = 0.0;  ///< from the first step to the last
  double compute = 0.0;  ///< seconds in operations of the model and in scheduling
  double communication =
      0.0;               ///< seconds in collectives and sends, waiting for the others included
  double waiting = 0.0;  ///< seconds waiting for a stage, for tokens, for the lead
  std::int64_t preemptions = 0;
  std::int64_t tokens_lost = 0;
  std::int64_t sums = 0;       ///< over the tensor-parallel group
  std::int64_t sums_last = 0;  ///< of them in which this rank came last
  double sum_wait = 0.0;       ///< seconds waiting in them
  double expert_wait = 0.0;    ///< seconds waiting for the expert group
  std::array<char, 64> host{};

  /// Adds a step's times.
  void add(StepClock::Seconds const& phases);

  /// Adds how the rank came to a step's sums.
  void add(StepClock::Arrivals const& arrivals);
};

/// The summaries of all ranks, by rank, on rank 0; empty elsewhere. Collective over grid.world().
[[nodiscard]] std::vector<RankSummary> gather_summaries(parallel::ProcessGrid const& grid,
                                                        RankSummary const& mine);

/// A table, one line a rank under a heading; of more than 32 ranks the least, the median and the
/// most of each column.
[[nodiscard]] std::string format_summaries(std::span<RankSummary const> summaries,
                                           parallel::GridShape const& shape);

}  // namespace talus::runtime
