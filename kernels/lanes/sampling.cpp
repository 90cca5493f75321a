// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/lanes.hpp"
#include "kernels/lanes/shares.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Logits whose powers are summed in lanes before they join the sum of the others.
constexpr std::int64_t piece_logits = 4096;

constexpr float never = -std::numeric_limits<float>::infinity();

/// Whether `a` ends before `b` in the order of sampling.
bool ends_before(Candidates const& a, Candidates const& b) {
  return a.key > b.key || (a.key == b.key && a.ties < b.ties);
}

std::int32_t sample_row(float const* logits, std::int64_t vocab, SampleRule const& rule) {
  if (rule.temperature == 0.0F) {
    return static_cast<std::int32_t>(std::max_element(logits, logits + vocab) - logits);
  }
  Shares const shares{logits, vocab, rule.temperature};
  Candidates kept{0, std::numeric_limits<std::int64_t>::max(), shares.sum()};
  auto const keep = [&](Candidates const& fewer) {
    if (ends_before(fewer, kept)) {
      kept = fewer;
    }
  };
  if (rule.min_p > 0.0F) {
    keep(shares.at_least(rule.min_p));
  }
  if (rule.top_k > 0 && rule.top_k < vocab) {
    keep(shares.first(rule.top_k));
  }
  if (rule.top_p < 1.0F) {
    keep(shares.reaching(rule.top_p * kept.sum));
  }
  Candidates drawn = shares.exceeding(rule.uniform * kept.sum);
  if (ends_before(kept, drawn)) {
    drawn = kept;  // the sums were rounded in different places
  }
  return shares.last_of(drawn);
}

float log_sum_of(float const* logits, std::int64_t vocab) {
  float const greatest = *std::max_element(logits, logits + vocab);
  double sum = 0.0;
  for (std::int64_t piece = 0; piece < vocab; piece += piece_logits) {
    std::int64_t const end = std::min(piece + piece_logits, vocab);
    Lanes powers = broadcast(0.0F);
    for (std::int64_t v = piece; v < end; v += num_lanes) {
      Lanes const values = load_some(logits + v, end - v, never);
      powers = powers + exp(values - broadcast(greatest));
    }
    sum += sum_of(powers);
  }
  return greatest + static_cast<float>(std::log(sum));
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
            MatrixView<float const> logits,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  for_each(exec,
           "talus::kernels::sample",
           logits.rows,
           logits.rows * logits.cols,
           [&](std::int64_t row) {
             auto const r = static_cast<std::size_t>(row);
             tokens[r] = sample_row(logits.data + row * logits.row_stride, logits.cols, rules[r]);
           });
}

void log_sum_exp(ExecContext const& exec,
                 MatrixView<float const> logits,
                 std::span<float> log_sums) {
  std::int64_t const cost = logits.rows * logits.cols;
  for_each(exec, "talus::kernels::log_sum_exp", logits.rows, cost, [&](std::int64_t row) {
    log_sums[static_cast<std::size_t>(row)] =
        log_sum_of(logits.data + row * logits.row_stride, logits.cols);
  });
}

void top_tokens(std::span<float const> logits, std::span<std::int32_t> ids) {
  if (ids.empty()) {
    return;
  }
  // A heap of the best so far, the worst of them on top.
  auto const better = [&](std::int32_t a, std::int32_t b) {
    float const first = logits[static_cast<std::size_t>(a)];
    float const second = logits[static_cast<std::size_t>(b)];
    return first > second || (first == second && a < b);
  };
  auto const size = std::ssize(ids);
  for (std::int64_t v = 0; v < size; ++v) {
    ids[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(v);
  }
  std::make_heap(ids.begin(), ids.end(), better);
  for (std::int64_t v = size; v < std::ssize(logits); ++v) {
    auto const token = static_cast<std::int32_t>(v);
    if (better(token, ids.front())) {
      std::pop_heap(ids.begin(), ids.end(), better);
      ids.back() = token;
      std::push_heap(ids.begin(), ids.end(), better);
    }
  }
  std::sort_heap(ids.begin(), ids.end(), better);
}

std::int32_t rank_of(std::span<float const> logits, std::int32_t token) {
  float const own = logits[static_cast<std::size_t>(token)];
  std::int32_t greater = 0;
  for (float const logit : logits) {
    greater += logit > own ? 1 : 0;
  }
  return greater + 1;
}

}  // namespace talus::kernels::TALUS_TARGET
