// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// What is added to the logit of one token.
struct TokenBias {
  std::int32_t token = 0;
  float bias = 0.0F;
};

/// A token that a sequence has.
struct TokenCount {
  std::int32_t token = 0;
  std::int32_t in_output = 0;  ///< how often among the drawn tokens; 0: only in the prompt
};

/// What is done to a row of logits before its token is drawn, in the order of the members.
struct LogitEdit {
  std::span<std::int32_t const> allowed{};  ///< ascending: no others can be drawn; empty: all can
  std::span<std::int32_t const> banned{};   ///< ascending: can't be drawn, unless nothing was left
  std::span<TokenBias const> biases{};      ///< each token once
  std::span<TokenCount const> counts{};     ///< what the penalties apply to, each token once
  float repetition_penalty = 1.0F;  ///< of all counts: divides a logit > 0, multiplies others
  float frequency_penalty = 0.0F;   ///< subtracted once for each time in the output
  float presence_penalty = 0.0F;    ///< subtracted once if it is in the output

  [[nodiscard]] bool is_empty() const noexcept {
    return allowed.empty() && banned.empty() && biases.empty() && counts.empty();
  }
};

/// Edits each row of logits; one that can't be drawn becomes minus infinity.
///
/// \param logits  [rows, vocab]
/// \param edits   [rows], of tokens of the vocabulary
/// Cost: of a row, the length of its lists, and one pass over the row if it has `allowed`.
void edit_logits(ExecContext const& exec,
                 MatrixView<float> logits,
                 std::span<LogitEdit const> edits);

/// Columns of a block of logits.
inline constexpr std::int64_t logit_block = 64;

/// Blocks of a row of `vocab` logits.
[[nodiscard]] constexpr std::int64_t num_logit_blocks(std::int64_t vocab) noexcept {
  return (vocab + logit_block - 1) / logit_block;
}

/// What is told of each block of rows of logits, so that who looks for the greatest ones reads few
/// of the others.
struct LogitSummary {
  MatrixView<float> maxima;  ///< [rows, blocks] the greatest; -infinity if there is no number
  /// [rows, blocks] sum of exp((logit - maximum) / temperature); 0 where no temperature was given
  MatrixView<float> sums;
};

/// Rows of logits and their summary.
struct SummarizedLogits {
  MatrixView<float const> logits;  ///< [rows, vocab]
  MatrixView<float const> maxima;  ///< [rows, blocks]
  MatrixView<float const> sums;    ///< [rows, blocks]
};

/// Sums up each block of each row, in one pass over the logits.
///
/// \param logits        [rows, vocab]
/// \param temperatures  [rows] 0: no sums for this row
void summarize_logits(ExecContext const& exec,
                      MatrixView<float const> logits,
                      std::span<float const> temperatures,
                      LogitSummary const& summary);

/// How one row's token is drawn.
struct SampleRule {
  float temperature = 1.0F;  ///< 0: the greatest logit, the lower token of equal ones
  std::int32_t top_k = 0;    ///< keep this many of the most probable; 0: all
  float top_p = 1.0F;        ///< keep the fewest most probable whose sum reaches this
  float min_p = 0.0F;        ///< keep those with at least this share of the greatest probability
  float uniform = 0.0F;      ///< the random number in [0, 1) that draws
};

/// The temperature for which a rule needs the sums of blocks; 0 if it needs none.
[[nodiscard]] float summary_temperature(SampleRule const& rule, std::int64_t vocab) noexcept;

/// Draws a token from each row of logits.
///
/// Candidates are ordered by logit, then by token id; filters apply to the probabilities after
/// temperature, in the order min_p, top_k, top_p; the token is the first at which the running sum
/// of what is left exceeds uniform times its total. At least one candidate is always left.
///
/// \param rows    with sums for each rule's summary_temperature()
/// \param rules   [rows]
/// \param tokens  [rows], where the logits are
/// Cost: of a row, its blocks, and the logits of those blocks that can hold the token; all logits
/// where the token lies far behind the most probable ones.
void sample(ExecContext const& exec,
            SummarizedLogits const& rows,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens);

/// ids[t] = tokens[sources[t]] where sources[t] >= 0; others stay as they are: the inputs of a step
/// are what another one draws.
///
/// \param sources  [rows] the host's; less than the number of tokens
/// \param tokens   [n] as sample() gave them, where the logits are
/// \param ids      [rows] likewise
void take_drawn(ExecContext const& exec,
                std::span<std::int32_t const> sources,
                std::span<std::int32_t const> tokens,
                std::span<std::int32_t> ids);

/// log_sums[t] = log(sum_v exp(logits[t, v])), by the maximum and sums over fixed pieces of the
/// vocabulary; logits[t, v] - log_sums[t] is a token's log-probability.
///
/// \param log_sums  [rows]
void log_sum_exp(ExecContext const& exec, SummarizedLogits const& rows, std::span<float> log_sums);

/// The tokens of each row's counts[t] greatest logits, in descending order, equal ones by ascending
/// token.
///
/// \param counts  [rows] 0 to vocab
/// \param ids     [sum of counts], one row's behind the other's
void top_tokens(ExecContext const& exec,
                SummarizedLogits const& rows,
                std::span<std::int32_t const> counts,
                std::span<std::int32_t> ids);

/// How many tokens of each row have a greater logit than tokens[t], plus one: its rank among the
/// vocabulary.
///
/// \param tokens  [rows]; -1: not asked, which has rank 0
/// \param ranks   [rows]
void rank_of(ExecContext const& exec,
             SummarizedLogits const& rows,
             std::span<std::int32_t const> tokens,
             std::span<std::int32_t> ranks);

/// The logits of some tokens of each row.
///
/// \param logits  [rows, vocab]
/// \param counts  [rows] of tokens of each row
/// \param tokens  [sum of counts], one row's behind the other's
/// \param values  [sum of counts]
void logits_of(ExecContext const& exec,
               MatrixView<float const> logits,
               std::span<std::int32_t const> counts,
               std::span<std::int32_t const> tokens,
               std::span<float> values);

/// Rows [first, first + count) of some.
[[nodiscard]] constexpr SummarizedLogits rows_of(SummarizedLogits const& rows,
                                                 std::int64_t first,
                                                 std::int64_t count) noexcept {
  return {rows_of(rows.logits, first, count),
          rows_of(rows.maxima, first, count),
          rows_of(rows.sums, first, count)};
}

}  // namespace talus::kernels
