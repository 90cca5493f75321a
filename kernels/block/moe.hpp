// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/choices.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/moe.hpp"

namespace talus::kernels::block {

/// An expert, or a group, that may be chosen: the better one has the greater rank, of equal ones
/// the lower number.
struct Candidate {
  float rank = -std::numeric_limits<float>::infinity();
  std::int32_t number = std::numeric_limits<std::int32_t>::max();

  [[nodiscard]] constexpr bool is_better_than(Candidate const& other) const {
    return rank > other.rank || (rank == other.rank && number < other.number);
  }
};

/// The best candidate of all lanes, to each of them.
template <class Block>
[[nodiscard]] TALUS_DEVICE Candidate warp_best(Block& block, Candidate best) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) {
    Candidate const other{block.shuffle_xor(best.rank, distance),
                          block.shuffle_xor(best.number, distance)};
    best = other.is_better_than(best) ? other : best;
  }
  return best;
}

/// Chooses the experts of a token; lane i has the experts i, i + 32, ...
///
/// Grid: blocks of tokens. Block: four warps, one a token. Shared memory, for each warp: scores and
/// ranks of all experts, ranks of groups.
///
/// Sums: of the softmax, each lane's experts in order, then the tree of a warp; of the weights, in
/// the order of choice.
struct Route {
  static constexpr char const* name = "talus::kernels::route";
  static constexpr int num_warps = 4;

  MatrixView<float const> logits;
  GlobalSpan<float const> bias;  ///< or empty
  RoutingRule rule;
  GlobalSpan<std::int32_t> ids;
  GlobalSpan<float> weights;

  /// A warp's part of the shared memory.
  struct Scratch {
    SharedSpan<float> scores;
    SharedSpan<float> ranked;  ///< scores with bias; -infinity once chosen or out of reach
    SharedSpan<float> group_ranks;
  };

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    int const warp = block.thread_index() / warp_size;
    auto const experts = static_cast<std::int32_t>(logits.cols);
    auto const groups = static_cast<std::int32_t>(rule.num_groups);
    auto const scores = shared_array<float>(block, num_warps * experts);
    auto const ranked = shared_array<float>(block, num_warps * experts);
    auto const group_ranks = shared_array<float>(block, num_warps * groups);
    Scratch const own{part_of(scores, warp * experts, experts),
                      part_of(ranked, warp * experts, experts),
                      part_of(group_ranks, warp * groups, groups)};
    std::int64_t const t = block.block_index().x * num_warps + warp;
    if (t >= logits.rows) {
      return;
    }
    int const lane = block.thread_index() % warp_size;
    score(block, own, t, lane);
    if (rule.num_groups > 1) {
      block.sync_warp();
      keep_best_groups(block, own, lane);
    }
    block.sync_warp();
    choose(block, own, t, lane);
  }

  [[nodiscard]] std::int64_t shared_bytes() const {
    return 2 * shared_bytes_of<float>(num_warps * logits.cols) +
           shared_bytes_of<float>(num_warps * rule.num_groups);
  }

 private:
  static constexpr float never = -std::numeric_limits<float>::infinity();

  /// Scores, and ranks that are scores with bias.
  template <class Block>
  TALUS_DEVICE void score(Block& block, Scratch const& own, std::int64_t t, int lane) const {
    bool const is_softmax = rule.score == RouterScore::softmax;
    float greatest = never;
    for (std::int64_t e = lane; is_softmax && e < logits.cols; e += warp_size) {
      greatest = maximum(block.load(logits, t, e), greatest);
    }
    greatest = warp_reduce<Maximum>(block, greatest);
    float sum = 0.0F;
    for (std::int64_t e = lane; is_softmax && e < logits.cols; e += warp_size) {
      sum += exp(block.load(logits, t, e) - greatest);
    }
    sum = warp_reduce<Sum>(block, sum);
    for (std::int64_t e = lane; e < logits.cols; e += warp_size) {
      float const logit = block.load(logits, t, e);
      float const score =
          is_softmax ? exp(logit - greatest) / sum : 1.0F / (1.0F + exp(0.0F - logit));
      block.store(own.scores, e, score);
      block.store(own.ranked, e, score + (bias.size == 0 ? 0.0F : block.load(bias, e)));
    }
  }

  /// Takes the experts of all but the best groups out of reach.
  template <class Block>
  TALUS_DEVICE void keep_best_groups(Block& block, Scratch const& own, int lane) const {
    std::int64_t const size = logits.cols / rule.num_groups;
    for (std::int64_t g = lane; g < rule.num_groups; g += warp_size) {
      float first = never;
      float second = never;
      for (std::int64_t e = g * size; e < (g + 1) * size; ++e) {
        float const rank = block.load(own.ranked, e);
        second = maximum(minimum(first, rank), second);
        first = maximum(rank, first);
      }
      bool const by_two = size > 1 && rule.group_rank == GroupRank::best_two;
      block.store(own.group_ranks, g, by_two ? first + second : first);
    }
    block.sync_warp();
    for (std::int64_t g = lane; g < rule.num_groups; g += warp_size) {
      Candidate const group{block.load(own.group_ranks, g), static_cast<std::int32_t>(g)};
      std::int64_t better = 0;
      for (std::int32_t other = 0; other < rule.num_groups; ++other) {
        better +=
            Candidate{block.load(own.group_ranks, other), other}.is_better_than(group) ? 1 : 0;
      }
      for (std::int64_t e = g * size; better >= rule.top_groups && e < (g + 1) * size; ++e) {
        block.store(own.ranked, e, never);
      }
    }
  }

  /// The experts with the best ranks, one after another, and then their weights.
  template <class Block>
  TALUS_DEVICE void choose(Block& block, Scratch const& own, std::int64_t t, int lane) const {
    std::int64_t const first = t * rule.top_k;
    float sum = 0.0F;
    for (std::int64_t k = 0; k < rule.top_k; ++k) {
      Candidate best;
      for (std::int64_t e = lane; e < logits.cols; e += warp_size) {
        Candidate const expert{block.load(own.ranked, e), static_cast<std::int32_t>(e)};
        best = expert.is_better_than(best) ? expert : best;
      }
      best = warp_best(block, best);
      // Where no rank is a number, any expert will do, of those that there are.
      best.number = best.number < logits.cols ? best.number : static_cast<std::int32_t>(k);
      float const weight = block.load(own.scores, best.number);
      sum += weight;
      if (best.number % warp_size == lane) {
        block.store(own.ranked, best.number, never);
      }
      if (lane == 0) {
        block.store(ids, first + k, best.number);
        block.store(weights, first + k, weight);
      }
    }
    float const divisor = rule.normalize ? sum + rule.normalize_epsilon : 1.0F;
    for (std::int64_t k = 0; lane == 0 && k < rule.top_k; ++k) {
      float const weight = block.load(weights, first + k);
      block.store(weights, first + k, weight / divisor * rule.scaling);
    }
  }
};

/// y = the weighed sum of rows of x, fused, in the order of choice.
struct CombineExperts {
  static constexpr char const* name = "talus::kernels::combine_experts";

  QuadMatrix<float const> x;
  GlobalSpan<std::int32_t const> rows;
  GlobalSpan<float const> weights;
  std::int64_t top_k = 0;
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad sums{};
    for (std::int64_t k = t * top_k; k < (t + 1) * top_k; ++k) {
      Quad const values = load_quad(block, x, block.load(rows, k), j);
      float const weight = block.load(weights, k);
      for (int i = 0; i < quad; ++i) {
        sums[i] = multiply_add(weight, values[i], sums[i]);
      }
    }
    store_quad(block, y, t, j, sums);
  }
};

template <class Device>
void route(Device& device,
           MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights) {
  if (logits.rows == 0) {
    return;
  }
  Route const kernel{logits, device.upload(bias), rule, in_place(expert_ids), in_place(weights)};
  device.launch({{ceil_div(logits.rows, Route::num_warps)},
                 Route::num_warps * warp_size,
                 kernel.shared_bytes()},
                kernel);
}

template <class Device>
void combine_experts(Device& device,
                     MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y) {
  std::int64_t const top_k = y.rows == 0 ? 0 : std::ssize(rows) / y.rows;
  for_each_quad(device,
                y.rows,
                y.cols,
                CombineExperts{by_quads(x), in_place(rows), in_place(weights), top_k, by_quads(y)});
}

}  // namespace talus::kernels::block
