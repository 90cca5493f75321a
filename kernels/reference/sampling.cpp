// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {
namespace {

/// All tokens, the greatest logit first, the lower token of equal ones.
std::vector<std::int32_t> descending(std::span<float const> logits) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Cuts `shares`, descending and in units of the greatest, down to the candidates of the rule.
void keep_candidates(std::vector<float>& shares, SampleRule const& rule) {
  while (shares.size() > 1 && shares.back() < rule.min_p) {
    shares.pop_back();
  }
  if (rule.top_k > 0 && static_cast<std::size_t>(rule.top_k) < shares.size()) {
    shares.resize(static_cast<std::size_t>(rule.top_k));
  }
  if (rule.top_p < 1.0F) {
    double const wanted = rule.top_p * std::accumulate(shares.begin(), shares.end(), 0.0);
    double sum = 0.0;
    std::size_t kept = 0;
    while (kept < shares.size() && sum < wanted) {
      sum += shares[kept];
      ++kept;
    }
    shares.resize(kept);
  }
}

std::int32_t sample_row(std::span<float const> logits, SampleRule const& rule) {
  std::vector<std::int32_t> const order = descending(logits);
  if (rule.temperature == 0.0F) {
    return order.front();
  }
  std::vector<float> shares;
  float const maximum = logits[static_cast<std::size_t>(order.front())];
  for (std::int32_t const token : order) {
    shares.push_back(
        std::exp((logits[static_cast<std::size_t>(token)] - maximum) / rule.temperature));
  }
  keep_candidates(shares, rule);

  double const drawn = rule.uniform * std::accumulate(shares.begin(), shares.end(), 0.0);
  double sum = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    sum += shares[i];
    if (sum > drawn) {
      return order[i];
    }
  }
  return order[shares.size() - 1];
}

std::span<float const> row_of(MatrixView<float const> logits, std::size_t row) {
  return {logits.data + static_cast<std::int64_t>(row) * logits.row_stride,
          static_cast<std::size_t>(logits.cols)};
}

struct BlockSummary {
  float maximum = -std::numeric_limits<float>::infinity();
  float sum = 0.0F;
};

BlockSummary summary_of(std::span<float const> logits, float temperature) {
  BlockSummary summary;
  for (float const logit : logits) {
    summary.maximum = logit > summary.maximum ? logit : summary.maximum;
  }
  for (float const logit : logits) {
    float const share = std::exp((logit - summary.maximum) / temperature);
    summary.sum += temperature > 0.0F && !std::isnan(share) ? share : 0.0F;
  }
  return summary;
}

void edit_row(std::span<float> logits, LogitEdit const& edit) {
  constexpr float never = -std::numeric_limits<float>::infinity();
  for (std::size_t v = 0; v < logits.size(); ++v) {
    auto const token = static_cast<std::int32_t>(v);
    auto const has = [token](std::span<std::int32_t const> tokens) {
      return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
    };
    float& logit = logits[v];
    if ((!edit.allowed.empty() && !has(edit.allowed)) || has(edit.banned)) {
      logit = never;
    }
    for (TokenBias const& entry : edit.biases) {
      logit += entry.token == token ? entry.bias : 0.0F;
    }
    for (TokenCount const& entry : edit.counts) {
      if (entry.token == token) {
        logit = logit > 0.0F ? logit / edit.repetition_penalty : logit * edit.repetition_penalty;
        logit -= edit.frequency_penalty * static_cast<float>(entry.in_output);
        logit -= entry.in_output > 0 ? edit.presence_penalty : 0.0F;
      }
    }
  }
}

}  // namespace

void edit_logits(ExecContext const&, MatrixView<float> logits, std::span<LogitEdit const> edits) {
  for (std::size_t row = 0; row < edits.size(); ++row) {
    edit_row({logits.data + static_cast<std::int64_t>(row) * logits.row_stride,
              static_cast<std::size_t>(logits.cols)},
             edits[row]);
  }
}

void summarize_logits(ExecContext const&,
                      MatrixView<float const> logits,
                      std::span<float const> temperatures,
                      LogitSummary const& summary) {
  for (std::size_t row = 0; row < temperatures.size(); ++row) {
    std::span<float const> const values = row_of(logits, row);
    for (std::int64_t block = 0; block < summary.maxima.cols; ++block) {
      auto const first = static_cast<std::size_t>(block * logit_block);
      auto const size = std::min(values.size() - first, static_cast<std::size_t>(logit_block));
      auto const [maximum, sum] = summary_of(values.subspan(first, size), temperatures[row]);
      auto const number = static_cast<std::int64_t>(row);
      summary.maxima.data[number * summary.maxima.row_stride + block] = maximum;
      summary.sums.data[number * summary.sums.row_stride + block] = sum;
    }
  }
}

void sample(ExecContext const&,
            SummarizedLogits const& rows,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  for (std::size_t row = 0; row < rules.size(); ++row) {
    tokens[row] = sample_row(row_of(rows.logits, row), rules[row]);
  }
}

void log_sum_exp(ExecContext const&, SummarizedLogits const& rows, std::span<float> log_sums) {
  for (std::size_t row = 0; row < log_sums.size(); ++row) {
    std::span<float const> const values = row_of(rows.logits, row);
    float const maximum = *std::max_element(values.begin(), values.end());
    double sum = 0.0;
    for (float const value : values) {
      sum += std::exp(value - maximum);
    }
    log_sums[row] = maximum + static_cast<float>(std::log(sum));
  }
}

void top_tokens(ExecContext const&,
                SummarizedLogits const& rows,
                std::span<std::int32_t const> counts,
                std::span<std::int32_t> ids) {
  auto to = ids.begin();
  for (std::size_t row = 0; row < counts.size(); ++row) {
    std::vector<std::int32_t> const order = descending(row_of(rows.logits, row));
    to = std::copy_n(order.begin(), counts[row], to);
  }
}

void rank_of(ExecContext const&,
             SummarizedLogits const& rows,
             std::span<std::int32_t const> tokens,
             std::span<std::int32_t> ranks) {
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    std::span<float const> const logits = row_of(rows.logits, row);
    if (tokens[row] < 0) {
      ranks[row] = 0;
      continue;
    }
    float const own = logits[static_cast<std::size_t>(tokens[row])];
    auto const greater =
        std::count_if(logits.begin(), logits.end(), [own](float logit) { return logit > own; });
    ranks[row] = static_cast<std::int32_t>(greater) + 1;
  }
}

}  // namespace talus::kernels::reference
