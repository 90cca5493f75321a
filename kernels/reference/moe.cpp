// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

std::vector<float> scores_of(std::span<float const> logits, RouterScore kind) {
  std::vector<float> scores(logits.begin(), logits.end());
  if (kind == RouterScore::sigmoid) {
    for (float& score : scores) {
      score = 1.0F / (1.0F + std::exp(-score));
    }
    return scores;
  }
  float const maximum = *std::max_element(scores.begin(), scores.end());
  float sum = 0.0F;
  for (float& score : scores) {
    score = std::exp(score - maximum);
    sum += score;
  }
  for (float& score : scores) {
    score /= sum;
  }
  return scores;
}

/// The `count` greatest, greatest first, the lower index of equal ones.
std::vector<std::int32_t> greatest(std::span<float const> values, std::int64_t count) {
  std::vector<std::int32_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int32_t>(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

/// Leaves only experts of the best groups in `ranked`.
void keep_best_groups(std::vector<float>& ranked, RoutingRule const& rule) {
  auto const size = ranked.size() / static_cast<std::size_t>(rule.num_groups);
  std::vector<float> group_ranks;
  for (std::size_t first = 0; first < ranked.size(); first += size) {
    std::vector<float> group(ranked.begin() + static_cast<std::ptrdiff_t>(first),
                             ranked.begin() + static_cast<std::ptrdiff_t>(first + size));
    std::sort(group.begin(), group.end(), std::greater<>{});
    bool const by_two = size > 1 && rule.group_rank == GroupRank::best_two;
    group_ranks.push_back(by_two ? group[0] + group[1] : group[0]);
  }
  std::vector<float> kept(ranked.size(), never);
  for (std::int32_t const g : greatest(group_ranks, rule.top_groups)) {
    auto const first = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(g) * size);
    std::copy_n(ranked.begin() + first, size, kept.begin() + first);
  }
  ranked = kept;
}

void route_token(std::span<float const> logits,
                 std::span<float const> bias,
                 RoutingRule const& rule,
                 std::span<std::int32_t> ids,
                 std::span<float> weights) {
  std::vector<float> const scores = scores_of(logits, rule.score);
  std::vector<float> ranked = scores;
  for (std::size_t e = 0; e < bias.size(); ++e) {
    ranked[e] += bias[e];
  }
  if (rule.num_groups > 1) {
    keep_best_groups(ranked, rule);
  }
  std::vector<std::int32_t> const chosen = greatest(ranked, rule.top_k);
  float sum = 0.0F;
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    ids[k] = chosen[k];
    weights[k] = scores[static_cast<std::size_t>(chosen[k])];
    sum += weights[k];
  }
  float const divisor = rule.normalize ? sum + rule.normalize_epsilon : 1.0F;
  for (float& weight : weights) {
    weight = weight / divisor * rule.scaling;
  }
}

}  // namespace

void route(ExecContext const&,
           MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights) {
  auto const top_k = static_cast<std::size_t>(rule.top_k);
  for (std::int64_t t = 0; t < logits.rows; ++t) {
    std::size_t const first = static_cast<std::size_t>(t) * top_k;
    route_token({logits.data + t * logits.row_stride, static_cast<std::size_t>(logits.cols)},
                bias,
                rule,
                expert_ids.subspan(first, top_k),
                weights.subspan(first, top_k));
  }
}

void combine_experts(ExecContext const&,
                     MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y) {
  std::int64_t const top_k = y.rows == 0 ? 0 : std::ssize(rows) / y.rows;
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t h = 0; h < y.cols; ++h) {
      float sum = 0.0F;
      for (std::int64_t j = 0; j < top_k; ++j) {
        auto const choice = static_cast<std::size_t>(t * top_k + j);
        sum += weights[choice] * x.data[rows[choice] * x.row_stride + h];
      }
      y.data[t * y.row_stride + h] = sum;
    }
  }
}

}  // namespace talus::kernels::reference
