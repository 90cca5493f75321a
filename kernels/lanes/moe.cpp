// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "kernels/detail/limits.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

struct RouterScratch {
  float scores[max_experts];
  float ranked[max_experts];  ///< scores with bias; -infinity once chosen or out of reach
  float group_ranks[max_experts];
};

void sigmoid(float const* logits, std::int64_t count, float* scores) {
  Lanes const one = broadcast(1.0F);
  for (std::int64_t e = 0; e < count; e += num_lanes) {
    Lanes const values = load_some(logits + e, count - e);
    store_some(scores + e, one / (one + exp(broadcast(0.0F) - values)), count - e);
  }
}

void softmax(float const* logits, std::int64_t count, float* scores) {
  float const greatest = *std::max_element(logits, logits + count);
  Lanes sums = broadcast(0.0F);
  for (std::int64_t e = 0; e < count; e += num_lanes) {
    Lanes const values = load_some(logits + e, count - e, never);
    Lanes const powers = exp(values - broadcast(greatest));
    sums = sums + powers;
    store_some(scores + e, powers, count - e);
  }
  float const sum = sum_of(sums);
  for (std::int64_t e = 0; e < count; ++e) {
    scores[e] /= sum;
  }
}

/// The sum of a group's two greatest, or its greatest.
float rank_of_group(float const* ranked, std::int64_t size, GroupRank rank) {
  float first = never;
  float second = never;
  for (std::int64_t e = 0; e < size; ++e) {
    second = std::max(second, std::min(first, ranked[e]));
    first = std::max(first, ranked[e]);
  }
  return size > 1 && rank == GroupRank::best_two ? first + second : first;
}

/// Takes the experts of all but the best groups out of reach.
void keep_best_groups(RouterScratch& scratch, std::int64_t experts, RoutingRule const& rule) {
  std::int64_t const size = experts / rule.num_groups;
  float* const ranks = scratch.group_ranks;
  for (std::int64_t g = 0; g < rule.num_groups; ++g) {
    ranks[g] = rank_of_group(scratch.ranked + g * size, size, rule.group_rank);
  }
  for (std::int64_t g = 0; g < rule.num_groups; ++g) {
    auto const better = std::count_if(ranks, ranks + rule.num_groups, [&](float const& other) {
      return other > ranks[g] || (other == ranks[g] && &other < ranks + g);
    });
    if (better >= rule.top_groups) {
      std::fill_n(scratch.ranked + g * size, size, never);
    }
  }
}

void route_token(MatrixView<float const> logits,
                 std::span<float const> bias,
                 RoutingRule const& rule,
                 std::span<std::int32_t> ids,
                 std::span<float> weights) {
  RouterScratch scratch;
  if (rule.score == RouterScore::sigmoid) {
    sigmoid(logits.data, logits.cols, scratch.scores);
  } else {
    softmax(logits.data, logits.cols, scratch.scores);
  }
  for (std::int64_t e = 0; e < logits.cols; ++e) {
    scratch.ranked[e] =
        scratch.scores[e] + (bias.empty() ? 0.0F : bias[static_cast<std::size_t>(e)]);
  }
  if (rule.num_groups > 1) {
    keep_best_groups(scratch, logits.cols, rule);
  }
  float sum = 0.0F;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    auto const best = std::max_element(scratch.ranked, scratch.ranked + logits.cols);
    ids[k] = static_cast<std::int32_t>(best - scratch.ranked);
    weights[k] = scratch.scores[ids[k]];
    sum += weights[k];
    *best = never;
  }
  float const divisor = rule.normalize ? sum + rule.normalize_epsilon : 1.0F;
  for (float& weight : weights) {
    weight = weight / divisor * rule.scaling;
  }
}

}  // namespace

void route(ExecContext const& exec,
           MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights) {
  auto const top_k = static_cast<std::size_t>(rule.top_k);
  std::int64_t const cost = logits.rows * logits.cols * (2 + rule.top_k) / 2;
  for_each(exec, "talus::kernels::route", logits.rows, cost, [&](std::int64_t t) {
    std::size_t const first = static_cast<std::size_t>(t) * top_k;
    route_token({logits.data + t * logits.row_stride, 1, logits.cols, logits.row_stride},
                bias,
                rule,
                expert_ids.subspan(first, top_k),
                weights.subspan(first, top_k));
  });
}

void combine_experts(ExecContext const& exec,
                     MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y) {
  std::size_t const top_k = y.rows == 0 ? 0 : rows.size() / static_cast<std::size_t>(y.rows);
  std::int64_t const cost = std::ssize(rows) * y.cols / 4;
  for_each(exec, "talus::kernels::combine_experts", y.rows, cost, [&](std::int64_t t) {
    std::size_t const first = static_cast<std::size_t>(t) * top_k;
    for (std::int64_t h = 0; h < y.cols; h += num_lanes) {
      Lanes sum = broadcast(0.0F);
      for (std::size_t j = first; j < first + top_k; ++j) {
        Lanes const values = load_some(x.data + rows[j] * x.row_stride + h, y.cols - h);
        sum = multiply_add(broadcast(weights[j]), values, sum);
      }
      store_some(y.data + t * y.row_stride + h, sum, y.cols - h);
    }
  });
}

}  // namespace talus::kernels::TALUS_TARGET
