// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/rank_summary.hpp"

#include <array>
#include <cstdio>

#include "parallel/gather_values.hpp"

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
  std::string table =
      "rank  dp  pp  tp     steps   prefill    decode   busy  compute s   comm s   wait s\n";
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    RankSummary const& one = summaries[i];
    parallel::GridCoord const at = parallel::coord_of(shape, static_cast<int>(i));
    double const busy = one.seconds > 0.0 ? 100.0 * one.compute / one.seconds : 0.0;
    std::array<char, 160> line{};
    std::snprintf(line.data(),
                  line.size(),
                  "%4zu %3d %3d %3d %9lld %9lld %9lld %5.1f%% %10.2f %8.2f %8.2f\n",
                  i,
                  at.dp,
                  at.pp,
                  at.tp,
                  static_cast<long long>(one.steps),
                  static_cast<long long>(one.prefill_tokens),
                  static_cast<long long>(one.decode_tokens),
                  busy,
                  one.compute,
                  one.communication,
                  one.waiting);
    table += line.data();
  }
  table.pop_back();
  return table;
}

}  // namespace talus::runtime
