// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/loader.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "io/checkpoint/detail/arena.hpp"
#include "io/checkpoint/detail/need.hpp"
#include "io/checkpoint/detail/pipeline.hpp"
#include "io/checkpoint/detail/read_plan.hpp"
#include "io/checkpoint/detail/sink_table.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using parallel::ReduceOp;

// The plan is made from the options on each rank, so they must be the same.
void check_options(parallel::Communicator const& comm, LoadOptions const& options) {
  std::vector<std::int64_t> bounds{options.host_memory_bytes,
                                   -options.host_memory_bytes,
                                   options.piece_bytes,
                                   -options.piece_bytes};
  parallel::all_reduce(comm, std::span{bounds}, ReduceOp::min);
  if (bounds[0] != -bounds[1] || bounds[2] != -bounds[3]) {
    throw ConfigError{concat("host memory for loading: ",
                             bounds[0],
                             " to ",
                             -bounds[1],
                             " bytes, pieces of ",
                             bounds[2],
                             " to ",
                             -bounds[3],
                             " bytes (must be the same on all ranks)")};
  }
  if (options.host_memory_bytes < 4 || options.piece_bytes < 1) {
    throw ConfigError{concat("host memory for loading: ",
                             options.host_memory_bytes,
                             " bytes, pieces of ",
                             options.piece_bytes,
                             " bytes (at least 4 and 1)")};
  }
}

// [ranks] the place of each rank in an order that takes one rank of every node, then the next of
// every node, and so on: reads spread over the nodes' links.
std::vector<int> interleave_nodes(parallel::Communicator const& comm) {
  auto const node = comm.split_by_node();
  int const first_on_node = parallel::all_reduce(node, comm.rank(), ReduceOp::min);
  auto const mine = (static_cast<std::int64_t>(node.rank()) << 32) + first_on_node;
  std::vector<std::int64_t> keys(static_cast<std::size_t>(comm.size()));
  parallel::all_gather(comm, std::span{&mine, 1}, std::span{keys});

  std::vector<int> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int rank) { return keys[static_cast<std::size_t>(rank)]; });
  std::vector<int> positions(keys.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    positions[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  }
  return positions;
}

// No more than the tasks of this rank can use, however much is allowed.
std::int64_t arena_bytes(std::span<detail::Task const> tasks, LoadOptions const& options) {
  std::int64_t bytes = 0;
  for (detail::Task const& task : tasks) {
    bytes += task.unit.bytes;
    for (detail::Group const& group : task.groups) {
      bytes += group.bytes;
    }
  }
  return std::min(bytes, options.host_memory_bytes);
}

}  // namespace

LoadReport load_tensors(parallel::Communicator const& comm,
                        Checkpoint const& checkpoint,
                        std::span<TensorDemand const> demands,
                        LoadOptions const& options) {
  auto const start = std::chrono::steady_clock::now();
  // Of its own, so that pieces never match a message of the caller's.
  auto const own = comm.duplicate("load");
  check_options(own, options);
  std::optional<detail::SinkTable> sinks;
  parallel::run_and_agree(own, [&] { sinks.emplace(checkpoint, demands, options); });

  auto const classes = detail::exchange_needs(own, checkpoint, sinks->needs());
  auto const positions = interleave_nodes(own);
  auto const unit_bytes = std::min(options.piece_bytes, options.host_memory_bytes / 4);
  auto const plan =
      detail::make_read_plan(checkpoint, classes, {unit_bytes, own.rank(), positions});

  std::unique_ptr<detail::Arena> arena;
  parallel::run_and_agree(
      own, [&] { arena = std::make_unique<detail::Arena>(arena_bytes(plan.tasks, options)); });
  detail::Pipeline pipeline{{own, checkpoint, *sinks, *arena, options.interrupt}};
  pipeline.run(plan.tasks);
  parallel::agree_or_throw(own, pipeline.failure());

  LoadReport report;
  report.rank = pipeline.counts();
  report.rank.peak_buffer_bytes = arena->peak_bytes();
  report.rank.seconds_total =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.job = combine(own, report.rank);
  report.bytes_demanded = plan.bytes_demanded;
  report.bytes_checkpoint = checkpoint.total_bytes();
  return report;
}

}  // namespace talus::io
