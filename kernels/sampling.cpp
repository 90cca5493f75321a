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

void sample(ExecContext const& exec,
            MatrixView<float const> logits,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  check_equal("sample", "rules", std::ssize(rules), logits.rows);
  check_equal("sample", "tokens", std::ssize(tokens), logits.rows);
  check_at_least("sample", "vocabulary", logits.cols, 1);
  for (SampleRule const& rule : rules) {
    check_rule(rule);
  }
  operations_of(exec.backend).sample(exec, logits, rules, tokens);
}

void log_sum_exp(ExecContext const& exec,
                 MatrixView<float const> logits,
                 std::span<float> log_sums) {
  check_equal("log_sum_exp", "log_sums", std::ssize(log_sums), logits.rows);
  check_at_least("log_sum_exp", "vocabulary", logits.cols, 1);
  operations_of(exec.backend).log_sum_exp(exec, logits, log_sums);
}

void top_tokens(ExecContext const& exec,
                std::span<float const> logits,
                std::span<std::int32_t> ids) {
  check_at_least("top_tokens", "vocabulary", std::ssize(logits), std::ssize(ids));
  operations_of(exec.backend).top_tokens(logits, ids);
}

std::int32_t rank_of(ExecContext const& exec, std::span<float const> logits, std::int32_t token) {
  check_below("rank_of", "token", token, std::ssize(logits));
  return operations_of(exec.backend).rank_of(logits, token);
  return 0;
}

}  // namespace talus::kernels
