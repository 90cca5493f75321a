// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/engine/sequence.hpp"
#include "runtime/model/output_head.hpp"

namespace talus::runtime {

/// The rows of logits of a step, in the order of its plan: for each entry the prompt positions
/// whose next token's log-probability is asked, then the one that draws. The same on every rank.
struct StepRows {
  std::vector<LogitRow> rows;
  std::vector<std::int32_t> first_row;  ///< [entries + 1] where each entry's rows begin
  std::int32_t max_top = 0;             ///< most tokens that any row asks for

  /// Builds the rows of `plan`; keeps memory. Edits of rows refer to the sequences: good until one
  /// of them gets a token.
  void build(StepPlan const& plan, std::span<SequenceState const> sequences);
};

}  // namespace talus::runtime
