// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/rank_summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

#include "parallel/gather_values.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

enum class Kind { compute, communication, waiting, neither };

Kind kind_of(io::Phase phase) {
  using io::Phase;
  switch (phase) {
    case Phase::schedule:
    case Phase::embed:
    case Phase::attention:
    case Phase::feed_forward:
    case Phase::moe_route:
    case Phase::expert_compute:
    case Phase::recorded_layers:
    case Phase::recorded_step:
    case Phase::lm_head:
    case Phase::sampling:
      return Kind::compute;
    case Phase::tensor_parallel_sum:
    case Phase::gather:
    case Phase::expert_dispatch:
    case Phase::expert_combine:
    case Phase::send_next_stage:
      return Kind::communication;
    case Phase::wait_previous_stage:
    case Phase::token_broadcast:
    case Phase::lock_step:
    case Phase::idle:
      return Kind::waiting;
    case Phase::other:
      break;
  }
  return Kind::neither;
}

/// Steps, tokens of prompts and of answers, percent busy, seconds of three kinds.
using Columns = std::array<double, 7>;

Columns columns_of(RankSummary const& one) {
  return {static_cast<double>(one.steps),
          static_cast<double>(one.prefill_tokens),
          static_cast<double>(one.decode_tokens),
          one.seconds > 0.0 ? 100.0 * one.compute / one.seconds : 0.0,
          one.compute,
          one.communication,
          one.waiting};
}

std::string line_of(Columns const& columns) {
  auto const [steps, prefill, decode, busy, compute, communication, waiting] = columns;
  std::array<char, 128> line{};
  std::snprintf(line.data(),
                line.size(),
                " %9.0f %9.0f %9.0f %5.1f%% %10.2f %8.2f %8.2f",
                steps,
                prefill,
                decode,
                busy,
                compute,
                communication,
                waiting);
  return line.data();
}

/// Of each column by itself. \param place  0: the least, 1: the most
Columns order_statistic(std::vector<Columns> const& rows, double place) {
  Columns found{};
  std::vector<double> values(rows.size());
  for (std::size_t column = 0; column < found.size(); ++column) {
    std::ranges::transform(rows, values.begin(), [&](Columns const& row) { return row[column]; });
    auto const middle = values.begin() + std::lround(place * static_cast<double>(rows.size() - 1));
    std::ranges::nth_element(values, middle);
    found[column] = *middle;
  }
  return found;
}

}  // namespace

void RankSummary::add(StepClock::Seconds const& phases) {
  for (std::size_t i = 0; i < phases.size(); ++i) {
    auto const time = static_cast<double>(phases[i]);
    seconds += time;
    switch (kind_of(static_cast<io::Phase>(i))) {
      case Kind::compute:
        compute += time;
        break;
      case Kind::communication:
        communication += time;
        break;
      case Kind::waiting:
        waiting += time;
        break;
      case Kind::neither:
        break;
    }
  }
}

void RankSummary::add(StepClock::Arrivals const& arrivals) {
  sums += arrivals.num_sums;
  sums_last += arrivals.num_sums_last;
  sum_wait += static_cast<double>(arrivals.sum_wait_s);
  expert_wait += static_cast<double>(arrivals.expert_wait_s);
}

std::vector<RankSummary> gather_summaries(parallel::ProcessGrid const& grid,
                                          RankSummary const& mine) {
  return parallel::gather_values<RankSummary>(grid.world(), {&mine, 1});
}

std::string format_summaries(std::span<RankSummary const> summaries,
                             parallel::GridShape const& shape) {
  constexpr std::size_t most_lines = 32;
  std::vector<Columns> columns;
  std::ranges::transform(summaries, std::back_inserter(columns), columns_of);
  std::string table =
      concat(summaries.size() > most_lines ? "of the ranks      " : "rank  dp  pp  tp  ",
             "   steps   prefill    decode   busy  compute s   comm s   wait s");
  if (summaries.size() > most_lines) {
    for (auto const& [name, place] :
         {std::pair{"least", 0.0}, std::pair{"median", 0.5}, std::pair{"most", 1.0}}) {
      std::array<char, 32> label{};
      std::snprintf(label.data(), label.size(), "%-16s", name);
      table += concat('\n', label.data(), line_of(order_statistic(columns, place)));
    }
    return table;
  }
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    parallel::GridCoord const at = parallel::coord_of(shape, static_cast<int>(i));
    std::array<char, 64> label{};
    std::snprintf(label.data(), label.size(), "%4zu %3d %3d %3d", i, at.dp, at.pp, at.tp);
    table += concat('\n', label.data(), line_of(columns[i]));
  }
  return table;
}

}  // namespace talus::runtime
