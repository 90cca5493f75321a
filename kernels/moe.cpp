// SPDX-License-Identifier: Apache-2.0
#include "kernels/moe.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/detail/checks.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/operations.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_equal;

void check_rule(RoutingRule const& rule, std::int64_t experts) {
  check_at_least("route", "num_groups", rule.num_groups, 1);
  check_at_least("route", "top_groups", rule.top_groups, 1);
  if (experts % rule.num_groups != 0) {
    throw ConfigError{concat(
        "route: num_groups = ", rule.num_groups, " (must divide the ", experts, " experts)")};
  }
  check_at_least("route", "num_groups", rule.num_groups, rule.top_groups);
  check_at_least("route", "top_k", rule.top_k, 1);
  check_at_least("route",
                 "number of experts to choose from",
                 experts / rule.num_groups * rule.top_groups,
                 rule.top_k);
}

void order_on_host(std::span<std::int32_t const> expert_ids,
                   std::int64_t top_k,
                   ChoiceOrder const& order) {
  auto const experts = std::ssize(order.offsets) - 1;
  std::fill(order.offsets.begin(), order.offsets.end(), 0);
  for (std::int32_t const expert : expert_ids) {
    detail::check_below("order_choices", "expert", expert, experts);
    ++order.offsets[static_cast<std::size_t>(expert)];
  }
  std::exclusive_scan(order.offsets.begin(), order.offsets.end(), order.offsets.begin(), 0);
  // An expert's offset moves on with its choices, up to the next one's.
  for (std::size_t choice = 0; choice < expert_ids.size(); ++choice) {
    std::int32_t const place = order.offsets[static_cast<std::size_t>(expert_ids[choice])]++;
    order.choice_rows[choice] = place;
    order.token_rows[static_cast<std::size_t>(place)] =
        static_cast<std::int32_t>(static_cast<std::int64_t>(choice) / top_k);
  }
  std::shift_right(order.offsets.begin(), order.offsets.end(), 1);
  order.offsets.front() = 0;
}

}  // namespace

void route(ExecContext const& exec,
           MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights) {
  check_rule(rule, logits.cols);
  detail::check_at_most("route", "experts", logits.cols, max_experts);
  if (!bias.empty()) {
    check_equal("route", "elements of bias", std::ssize(bias), logits.cols);
  }
  check_equal("route", "expert_ids", std::ssize(expert_ids), logits.rows * rule.top_k);
  check_equal("route", "weights", std::ssize(weights), logits.rows * rule.top_k);
  operations_of(exec.backend).route(exec, logits, bias, rule, expert_ids, weights);
}

void order_choices(ExecContext const& exec,
                   std::span<std::int32_t const> expert_ids,
                   std::int64_t top_k,
                   ChoiceOrder const& order) {
  check_at_least("order_choices", "top_k", top_k, 1);
  check_at_least("order_choices", "offsets", std::ssize(order.offsets), 2);
  check_equal("order_choices", "token_rows", std::ssize(order.token_rows), std::ssize(expert_ids));
  check_equal(
      "order_choices", "choice_rows", std::ssize(order.choice_rows), std::ssize(expert_ids));
  auto const own = operations_of(exec.backend).order_choices;
  own != nullptr ? own(exec, expert_ids, top_k, order) : order_on_host(expert_ids, top_k, order);
}

void count_choices(ExecContext const& exec,
                   std::span<std::int32_t const> expert_ids,
                   std::span<std::int64_t> counts) {
  if (auto const own = operations_of(exec.backend).count_choices) {
    return own(exec, expert_ids, counts);
  }
  for (std::int32_t const expert : expert_ids) {
    detail::check_below("count_choices", "expert", expert, std::ssize(counts));
    ++counts[static_cast<std::size_t>(expert)];
  }
}

void gather_tokens(ExecContext const& exec,
                   MatrixView<float const> x,
                   std::span<std::int32_t const> token_rows,
                   RowsByExpert const& cut,
                   MatrixView<float> y) {
  check_equal("gather_tokens", "columns of y", y.cols, x.cols);
  check_equal("gather_tokens", "token_rows", std::ssize(token_rows), y.rows);
  auto const own = operations_of(exec.backend).gather_tokens;
  own != nullptr ? own(exec, x, token_rows, cut, y) : select_rows(exec, x, token_rows, y);
}

void add_expert_biases(ExecContext const& exec,
                       std::span<std::vector<float> const> biases,
                       RowsByExpert const& cut,
                       MatrixView<float> y) {
  if (biases.empty()) {
    return;
  }
  check_equal(
      "add_expert_biases", "number of offsets", std::ssize(cut.offsets), std::ssize(biases) + 1);
  for (std::vector<float> const& bias : biases) {
    check_equal("add_expert_biases", "elements of a bias", std::ssize(bias), y.cols);
  }
  if (auto const own = operations_of(exec.backend).add_expert_biases) {
    return own(exec, biases, cut, y);
  }
  for (std::size_t e = 0; e < biases.size(); ++e) {
    std::int64_t const first = cut.offsets[e];
    add_bias(exec, biases[e], rows_of(y, first, cut.offsets[e + 1] - first));
  }
}

void combine_experts(ExecContext const& exec,
                     MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y) {
  check_equal("combine_experts", "columns of y", y.cols, x.cols);
  check_equal("combine_experts", "weights", std::ssize(weights), std::ssize(rows));
  if (y.rows == 0 ? !rows.empty() : std::ssize(rows) % y.rows != 0) {
    throw ConfigError{concat("combine_experts: ",
                             rows.size(),
                             " choices (must be as many for each of ",
                             y.rows,
                             " tokens)")};
  }
  if (shares_memory(exec)) {
    for (std::int32_t const row : rows) {
      detail::check_below("combine_experts", "row", row, x.rows);
    }
  }
  operations_of(exec.backend).combine_experts(exec, x, rows, weights, y);
}

}  // namespace talus::kernels
