// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/step_rows.hpp"

#include <algorithm>
#include <optional>

#include "runtime/sampling/philox.hpp"

namespace talus::runtime {
namespace {

/// \param position  of the token that is drawn
kernels::SampleRule rule_of(SequenceState const& sequence, std::int32_t position) {
  kernels::SampleRule rule = sequence.input.rule;
  if (rule.temperature > 0.0F) {
    rule.uniform = uniform({.seed = sequence.input.seed,
                            .request = sequence.input.key,
                            .sample = sequence.input.sample,
                            .position = static_cast<std::uint32_t>(position)});
  }
  return rule;
}

/// The row that gives a sequence its token at `position`.
LogitRow next_token(SequenceState const& sequence, std::int32_t position, std::int32_t row) {
  LogitRow next{.row = row, .target = -1, .num_top = sequence.input.logprobs};
  std::optional<TokenGuide> const& guide = sequence.guide;
  if (auto const forced = guide ? guide->forced() : std::nullopt) {
    next.target = *forced;
    next.rule.temperature = 0.0F;
    return next;
  }
  next.rule = rule_of(sequence, position);
  if (guide) {
    next.edit = guide->edit();
  }
  return next;
}

}  // namespace

bool draws_freely(SequenceState const& sequence) noexcept {
  return !sequence.guide && sequence.input.logprobs < 0;
}

void StepRows::build(StepPlan const& plan, std::span<SequenceState const> sequences) {
  rows.clear();
  first_row.clear();
  first_row.push_back(0);
  max_top = 0;
  std::int32_t row = 0;
  for (PlanEntry const& entry : plan.entries) {
    SequenceState const& sequence = sequences[index_of(entry.sequence)];
    SequenceInput const& input = sequence.input;
    if (input.prompt_logprobs >= 0) {
      std::int32_t const last =
          std::min(entry.first_position + entry.num_tokens, sequence.num_prompt_tokens() - 1);
      std::int32_t const first = std::max(entry.first_position, sequence.next_prompt_logprob - 1);
      for (std::int32_t p = first; p < last; ++p) {
        rows.push_back({.row = row + p - entry.first_position,
                        .target = sequence.tokens[static_cast<std::size_t>(p + 1)],
                        .num_top = input.prompt_logprobs,
                        .rule = {.temperature = 0.0F},
                        .edit = {}});
        max_top = std::max(max_top, input.prompt_logprobs);
      }
    }
    row += entry.num_tokens;
    if (entry.samples) {
      rows.push_back(next_token(sequence, entry.first_position + entry.num_tokens, row - 1));
      max_top = std::max(max_top, input.logprobs);
    }
    first_row.push_back(static_cast<std::int32_t>(rows.size()));
  }
}

}  // namespace talus::runtime
