// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/compute.hpp"

#include <algorithm>

#include "jobs/bench/machine_limits.hpp"
#include "parallel/collectives.hpp"
#include "runtime/engine/memory_budget.hpp"

namespace talus::doctor {

namespace {

constexpr int most_turns = 64;
constexpr int attempts = 2;  // what disturbs a rate only lowers it

/// More than a rank's caches hold, a node's caches together, and a sixteenth of its memory at most.
std::int64_t bytes_of_rank(int ranks_on_node) {
  constexpr std::int64_t least = std::int64_t{64} << 20;
  auto const share = static_cast<std::int64_t>(bench::bytes_to_read) / ranks_on_node;
  std::int64_t const most = runtime::available_memory(ranks_on_node) / 16;
  return std::max(std::min(std::max(share, least), most), std::int64_t{1} << 20);
}

}  // namespace

ComputeMeters machine_meters() {
  return {.arithmetic = [](int threads) { return bench::arithmetic_peak(threads); },
          .memory =
              [](int threads, std::int64_t bytes) {
                return bench::read_bandwidth(threads, static_cast<std::size_t>(bytes));
              }};
}

ComputeFacts examine_compute(Hosts const& hosts, int threads, ComputeMeters const& meters) {
  parallel::Communicator const& node = hosts.node;
  int const turns = std::min(node.size(), most_turns);
  ComputeFacts facts;
  facts.ranks_at_a_time = (node.size() + turns - 1) / turns;
  facts.memory_bytes = bytes_of_rank(node.size());
  for (int turn = 0; turn < turns; ++turn) {
    parallel::barrier(node);
    for (int i = 0; node.rank() % turns == turn && i < attempts; ++i) {
      facts.arithmetic_rate = std::max(facts.arithmetic_rate, meters.arithmetic(threads));
      facts.memory_rate_alone =
          std::max(facts.memory_rate_alone, meters.memory(threads, facts.memory_bytes));
    }
  }
  for (int i = 0; i < attempts; ++i) {
    parallel::barrier(node);
    facts.memory_rate_together =
        std::max(facts.memory_rate_together, meters.memory(threads, facts.memory_bytes));
  }
  return facts;
}

}  // namespace talus::doctor
