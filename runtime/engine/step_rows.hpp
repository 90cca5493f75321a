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
  /// of them gets a token. Tokens that are still being drawn may be among the plan's where
  /// draws_freely() is true of their sequences.
  void build(StepPlan const& plan, std::span<SequenceState const> sequences);
};

/// Whether a sequence's next token may be drawn before the host knows the one before: nothing that
/// it may be depends on that one, and nothing but the token is told.
[[nodiscard]] bool draws_freely(SequenceState const& sequence) noexcept;

}  // namespace talus::runtime
