// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/row_search.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

/// The first of the tokens with the greatest logit; token 0 if no logit is a number.
std::int32_t first_greatest(LogitRow const& row, float greatest) {
  auto const block = std::find(row.maxima, row.maxima + row.num_blocks(), greatest) - row.maxima;
  std::int64_t const first = std::int64_t{block} * logit_block;
  std::int64_t const last = std::min(first + logit_block, row.vocab);
  auto const* const token = std::find(row.logits + first, row.logits + last, greatest);
  return token == row.logits + last ? 0 : static_cast<std::int32_t>(token - row.logits);
}

std::int32_t sample_row(LogitRow const& row, SampleRule const& rule) {
  float const greatest = greatest_of(row);
  if (rule.temperature == 0.0F || !std::isfinite(greatest)) {
    return first_greatest(row, greatest);
  }
  RowSearch search{row, greatest, rule.temperature, rule.min_p};
  bool const has_top_k = rule.top_k > 0 && rule.top_k < row.vocab;
  Prefix kept{never, std::numeric_limits<std::int32_t>::max(), 0.0};
  if (has_top_k) {
    kept = search.first_to({.count = rule.top_k});
  } else {
    kept.sum = search.sum();
  }
  if (rule.top_p < 1.0F) {
    Prefix const fewer = search.first_to({.at_least = rule.top_p * kept.sum});
    kept = ends_before(fewer, kept) ? fewer : kept;
  }
  Prefix const drawn = search.first_to({.above = rule.uniform * kept.sum});
  // Sums that are rounded in different places can put it behind the last one kept.
  return ends_before(kept, drawn) ? kept.token : drawn.token;
}

/// A logit of a token that the sequence has.
float penalized(float logit, TokenCount const& count, LogitEdit const& edit) {
  float value = logit > 0.0F ? logit / edit.repetition_penalty : logit * edit.repetition_penalty;
  if (count.in_output > 0) {
    value -= edit.frequency_penalty * static_cast<float>(count.in_output);
    value -= edit.presence_penalty;
  }
  return value;
}

void edit_row(std::span<float> logits, LogitEdit const& edit) {
  auto const at = [&](std::int32_t token) -> float& {
    return logits[static_cast<std::size_t>(token)];
  };
  if (!edit.allowed.empty()) {
    auto gap = logits.begin();
    for (std::int32_t const token : edit.allowed) {
      auto const kept = logits.begin() + token;
      std::fill(gap, kept, never);
      gap = kept + 1;
    }
    std::fill(gap, logits.end(), never);
  }
  for (std::int32_t const token : edit.banned) {
    at(token) = never;
  }
  for (TokenBias const& entry : edit.biases) {
    at(entry.token) += entry.bias;
  }
  for (TokenCount const& entry : edit.counts) {
    at(entry.token) = penalized(at(entry.token), entry, edit);
  }
}

}  // namespace

void edit_logits(ExecContext const& exec,
                 MatrixView<float> logits,
                 std::span<LogitEdit const> edits) {
  std::size_t cost = 0;
  for (LogitEdit const& edit : edits) {
    cost += edit.banned.size() + edit.biases.size() + edit.counts.size();
    cost += edit.allowed.empty() ? 0 : static_cast<std::size_t>(logits.cols);
  }
  auto const steps = static_cast<std::int64_t>(cost);
  for_each(exec, "talus::kernels::edit_logits", logits.rows, steps, [&](std::int64_t row) {
    edit_row({logits.data + row * logits.row_stride, static_cast<std::size_t>(logits.cols)},
             edits[static_cast<std::size_t>(row)]);
  });
}

void sample(ExecContext const& exec,
            SummarizedLogits const& rows,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  std::int64_t const cost = rows.logits.rows * rows.maxima.cols;
  for_each(exec, "talus::kernels::sample", rows.logits.rows, cost, [&](std::int64_t row) {
    auto const r = static_cast<std::size_t>(row);
    tokens[r] = sample_row({rows, row}, rules[r]);
  });
}

}  // namespace talus::kernels::TALUS_TARGET
