// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/exec_context.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// What makes a router's logits into scores.
enum class RouterScore { softmax, sigmoid };

/// What a group of experts is ranked by: the sum of its two best scores, or its best one.
enum class GroupRank { best_two, best };

/// How experts are chosen for a token.
struct RoutingRule {
  RouterScore score = RouterScore::softmax;
  std::int64_t top_k = 1;
  std::int64_t num_groups = 1;     ///< experts are cut into this many groups, in order
  std::int64_t top_groups = 1;     ///< experts are chosen from this many of them
  bool normalize = true;           ///< the chosen weights are divided by their sum
  float normalize_epsilon = 0.0F;  ///< added to that sum
  float scaling = 1.0F;            ///< multiplies the weights in the end
  GroupRank group_rank = GroupRank::best_two;
};

/// Chooses the experts of each token, and their weights.
///
/// Experts are ranked by score + bias (bias: DeepSeek-V3's correction, chooses but doesn't weigh).
/// With groups, a group's rank comes from its best ranked scores, and only experts of the best
/// `top_groups` groups can be chosen. Equal scores go to the lower expert, equal groups to the
/// lower group. Choices are in the order of their rank; weights are the scores without bias.
///
/// \param logits      [tokens, experts]
/// \param bias        [experts], or empty
/// \param expert_ids  [tokens * top_k], where activations are
/// \param weights     [tokens * top_k], likewise
/// \throws ConfigError  if the shapes do not match, groups don't divide the experts, or top_k can't
/// be met
///
/// References: DeepSeek-AI, "DeepSeek-V2", 2024, section 2.2 (groups ranked by their best);
/// "DeepSeek-V3 Technical Report", 2024, section 2.1.2 (by their two best, and the bias).
void route(ExecContext const& exec,
           MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights);

/// Where the choices of experts go, expert after expert: arrays where activations are.
struct ChoiceOrder {
  std::span<std::int32_t> offsets;      ///< [experts + 1] where each expert's begin
  std::span<std::int32_t> token_rows;   ///< [tokens * top_k] the token of the choice at each place
  std::span<std::int32_t> choice_rows;  ///< [tokens * top_k] the place of each choice
};

/// Orders choices by expert, those of one expert as they come.
///
/// \param expert_ids  [tokens * top_k], where activations are
/// \throws ConfigError  if the sizes do not match
void order_choices(ExecContext const& exec,
                   std::span<std::int32_t const> expert_ids,
                   std::int64_t top_k,
                   ChoiceOrder const& order);

/// counts[e] += how often expert e is among the choices.
///
/// \param expert_ids  [choices], where activations are
/// \param counts      [experts], likewise
void count_choices(ExecContext const& exec,
                   std::span<std::int32_t const> expert_ids,
                   std::span<std::int64_t> counts);

/// y[place, :] = x[token_rows[place], :], a copy.
///
/// \param x           [tokens, hidden]
/// \param token_rows  [choices] of a ChoiceOrder, where activations are
/// \param cut         of y
/// \param y           [choices, hidden]; must not overlap x
void gather_tokens(ExecContext const& exec,
                   MatrixView<float const> x,
                   std::span<std::int32_t const> token_rows,
                   RowsByExpert const& cut,
                   MatrixView<float> y);

/// y[t, :] += biases[e][:], e being the expert whose row t is.
///
/// \param biases   [experts] of [columns], the host's; or empty: nothing is added
/// \param cut      of y
/// \param y        [rows, columns]
void add_expert_biases(ExecContext const& exec,
                       std::span<std::vector<float> const> biases,
                       RowsByExpert const& cut,
                       MatrixView<float> y);

/// y[t, :] = sum_j weights[t, j] * x[rows[t, j], :], in the order of j from 0.
///
/// \param x        [rows, hidden] outputs of experts
/// \param rows     [tokens * top_k] row of x for each choice, where activations are
/// \param weights  [tokens * top_k], likewise
/// \param y        [tokens, hidden]; must not overlap x
void combine_experts(ExecContext const& exec,
                     MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y);

}  // namespace talus::kernels
