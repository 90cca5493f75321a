// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_at_most;
using detail::check_below;
using detail::check_equal;

void check_rule(SampleRule const& rule) {
  if (!(rule.temperature >= 0.0F)) {
    throw ConfigError{
        concat("sample: temperature = ", rule.temperature, " (must not be negative)")};
  }
  check_at_least("sample", "top_k", rule.top_k, 0);
  if (!(rule.top_p > 0.0F && rule.top_p <= 1.0F)) {
    throw ConfigError{concat("sample: top_p = ", rule.top_p, " (must lie in (0, 1])")};
  }
  if (!(rule.min_p >= 0.0F && rule.min_p <= 1.0F)) {
    throw ConfigError{concat("sample: min_p = ", rule.min_p, " (must lie in [0, 1])")};
  }
  if (!(rule.uniform >= 0.0F && rule.uniform < 1.0F)) {
    throw ConfigError{concat("sample: uniform = ", rule.uniform, " (must lie in [0, 1))")};
  }
}

void check_summary(std::string_view operation, SummarizedLogits const& rows) {
  for (MatrixView<float const> const& part : {rows.maxima, rows.sums}) {
    check_equal(operation, "rows of the summary", part.rows, rows.logits.rows);
    check_equal(operation, "blocks of the summary", part.cols, num_logit_blocks(rows.logits.cols));
  }
}

/// Each row must have a count, and all together `total`.
void check_counts(std::string_view operation,
                  MatrixView<float const> logits,
                  std::span<std::int32_t const> counts,
                  std::int64_t total) {
  check_equal(operation, "counts", std::ssize(counts), logits.rows);
  std::int64_t sum = 0;
  for (std::int32_t const count : counts) {
    check_at_least(operation, "count", count, 0);
    sum += count;
  }
  check_equal(operation, "sum of the counts", sum, total);
}

/// `tokens` must ascend within [0, vocab).
void check_tokens(std::string_view what, std::span<std::int32_t const> tokens, std::int64_t vocab) {
  std::int64_t next = 0;
  for (std::int32_t const token : tokens) {
    check_at_least("edit_logits", what, token, next);
    next = std::int64_t{token} + 1;
  }
  check_at_least("edit_logits", "vocabulary", vocab, next);
}

/// The edit without a ban that would leave nothing to draw.
LogitEdit checked(LogitEdit edit, std::int64_t vocab) {
  check_tokens("allowed", edit.allowed, vocab);
  check_tokens("banned", edit.banned, vocab);
  for (TokenBias const& bias : edit.biases) {
    check_below("edit_logits", "token", bias.token, vocab);
  }
  for (TokenCount const& count : edit.counts) {
    check_below("edit_logits", "token", count.token, vocab);
  }
  if (!(edit.repetition_penalty > 0.0F)) {
    throw ConfigError{concat(
        "edit_logits: repetition_penalty = ", edit.repetition_penalty, " (must be above 0)")};
  }
  bool const is_nothing_left =
      edit.allowed.empty()
          ? std::ssize(edit.banned) == vocab
          : std::includes(
                edit.banned.begin(), edit.banned.end(), edit.allowed.begin(), edit.allowed.end());
  if (is_nothing_left) {
    edit.banned = {};
  }
  return edit;
}

}  // namespace

void edit_logits(ExecContext const& exec,
                 MatrixView<float> logits,
                 std::span<LogitEdit const> edits) {
  check_equal("edit_logits", "edits", std::ssize(edits), logits.rows);
  check_at_least("edit_logits", "vocabulary", logits.cols, 1);
  std::vector<LogitEdit> wanted;
  std::transform(edits.begin(), edits.end(), std::back_inserter(wanted), [&](auto const& edit) {
    return edit.is_empty() ? LogitEdit{} : checked(edit, logits.cols);
  });
  operations_of(exec.backend).edit_logits(exec, logits, wanted);
}

float summary_temperature(SampleRule const& rule, std::int64_t vocab) noexcept {
  bool const keeps_some = rule.min_p > 0.0F || (rule.top_k > 0 && rule.top_k < vocab);
  return keeps_some ? 0.0F : rule.temperature;
}

void summarize_logits(ExecContext const& exec,
                      MatrixView<float const> logits,
                      std::span<float const> temperatures,
                      LogitSummary const& summary) {
  check_equal("summarize_logits", "temperatures", std::ssize(temperatures), logits.rows);
  check_at_least("summarize_logits", "vocabulary", logits.cols, 1);
  check_summary("summarize_logits", {logits, as_const(summary.maxima), as_const(summary.sums)});
  operations_of(exec.backend).summarize_logits(exec, logits, temperatures, summary);
}

void sample(ExecContext const& exec,
            SummarizedLogits const& rows,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  check_equal("sample", "rules", std::ssize(rules), rows.logits.rows);
  check_equal("sample", "tokens", std::ssize(tokens), rows.logits.rows);
  check_at_least("sample", "vocabulary", rows.logits.cols, 1);
  check_summary("sample", rows);
  for (SampleRule const& rule : rules) {
    check_rule(rule);
  }
  operations_of(exec.backend).sample(exec, rows, rules, tokens);
}

void take_drawn(ExecContext const& exec,
                std::span<std::int32_t const> sources,
                std::span<std::int32_t const> tokens,
                std::span<std::int32_t> ids) {
  check_equal("take_drawn", "ids", std::ssize(ids), std::ssize(sources));
  for (std::int32_t const source : sources) {
    check_at_most("take_drawn", "source", source, std::ssize(tokens) - 1);
  }
  if (auto const operation = operations_of(exec.backend).take_drawn) {
    return operation(exec, sources, tokens, ids);
  }
  for (std::size_t row = 0; row < sources.size(); ++row) {
    if (sources[row] >= 0) {
      ids[row] = tokens[static_cast<std::size_t>(sources[row])];
    }
  }
}

void log_sum_exp(ExecContext const& exec, SummarizedLogits const& rows, std::span<float> log_sums) {
  check_equal("log_sum_exp", "log_sums", std::ssize(log_sums), rows.logits.rows);
  check_at_least("log_sum_exp", "vocabulary", rows.logits.cols, 1);
  check_summary("log_sum_exp", rows);
  operations_of(exec.backend).log_sum_exp(exec, rows, log_sums);
}

void top_tokens(ExecContext const& exec,
                SummarizedLogits const& rows,
                std::span<std::int32_t const> counts,
                std::span<std::int32_t> ids) {
  check_counts("top_tokens", rows.logits, counts, std::ssize(ids));
  for (std::int32_t const count : counts) {
    check_at_most("top_tokens", "count", count, rows.logits.cols);
  }
  check_summary("top_tokens", rows);
  operations_of(exec.backend).top_tokens(exec, rows, counts, ids);
}

void rank_of(ExecContext const& exec,
             SummarizedLogits const& rows,
             std::span<std::int32_t const> tokens,
             std::span<std::int32_t> ranks) {
  check_equal("rank_of", "tokens", std::ssize(tokens), rows.logits.rows);
  check_equal("rank_of", "ranks", std::ssize(ranks), rows.logits.rows);
  for (std::int32_t const token : tokens) {
    check_at_least("rank_of", "token", token, -1);
    check_at_most("rank_of", "token", token, rows.logits.cols - 1);
  }
  check_summary("rank_of", rows);
  operations_of(exec.backend).rank_of(exec, rows, tokens, ranks);
}

void logits_of(ExecContext const& exec,
               MatrixView<float const> logits,
               std::span<std::int32_t const> counts,
               std::span<std::int32_t const> tokens,
               std::span<float> values) {
  check_counts("logits_of", logits, counts, std::ssize(tokens));
  check_equal("logits_of", "values", std::ssize(values), std::ssize(tokens));
  for (std::int32_t const token : tokens) {
    check_below("logits_of", "token", token, logits.cols);
  }
  if (auto const own = operations_of(exec.backend).logits_of; own != nullptr) {
    return own(exec, logits, counts, tokens, values);
  }
  float const* row = logits.data;
  std::size_t next = 0;
  for (std::int32_t const count : counts) {
    for (std::size_t const end = next + static_cast<std::size_t>(count); next < end; ++next) {
      values[next] = row[tokens[next]];
    }
    row += logits.row_stride;
  }
}

}  // namespace talus::kernels
