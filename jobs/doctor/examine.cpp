// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/examine.hpp"

#include <chrono>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

#include "jobs/bench/machine_limits.hpp"
#include "jobs/doctor/compute.hpp"
#include "jobs/doctor/file_reading.hpp"
#include "jobs/doctor/network.hpp"
#include "jobs/doctor/report_json.hpp"
#include "jobs/doctor/transport.hpp"
#include "parallel/collectives.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/placement.hpp"
#include "parallel/start_check.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::doctor {

namespace {

/// All that a rank knows before anything is measured.
RankFacts local_facts(Hosts const& hosts, Examination const& examination) {
  parallel::ProcessPlace place = parallel::local_process_place();
  return {.rank = hosts.world.rank(),
          .host = std::move(place.host),
          .node_rank = hosts.node.rank(),
          .cores = std::move(place.cores),
          .numa = std::move(place.numa),
          .num_host_cores = place.num_host_cores,
          .threads = examination.threads,
          .processor = bench::processor_name(),
          .thread_level = name_of(parallel::granted_thread_level()),
          .cards = examination.cards};
}

std::vector<RankFacts> gather_facts(parallel::Communicator const& world, RankFacts const& mine) {
  std::string const text = to_json(mine).dump();
  std::vector<RankFacts> ranks;
  for (auto const& bytes : parallel::gather_bytes(world, std::as_bytes(std::span{text}), 0)) {
    ranks.push_back(rank_from_json(io::parse_json(as_text(bytes), "facts of a rank")));
  }
  return ranks;
}

void measure_compute(Hosts const& hosts, RankFacts& mine, Report& report) {
  ComputeFacts const compute = examine_compute(hosts, mine.threads);
  mine.arithmetic_rate = compute.arithmetic_rate;
  mine.memory_rate_alone = compute.memory_rate_alone;
  mine.memory_rate_together = compute.memory_rate_together;
  report.memory_bytes_read = compute.memory_bytes;
  report.ranks_at_a_time = compute.ranks_at_a_time;
}

void measure_reading(Hosts const& hosts,
                     std::string const& checkpoint,
                     RankFacts& mine,
                     Report& report) {
  FileReading reading = examine_reading(hosts.world, checkpoint);
  mine.file_bytes = reading.bytes;
  mine.file_seconds = reading.seconds;
  report.file = std::move(reading.job);
}

void measure_network(Hosts const& hosts, Report& report) {
  NetworkFacts network = examine_network(hosts);
  report.links = std::move(network.links);
  report.num_host_pairs = network.num_host_pairs;
  report.inside = std::move(network.inside);
  report.clocks = std::move(network.clocks);
}

}  // namespace

Report examine(MPI_Comm comm, Examination const& examination) {
  auto const start = std::chrono::steady_clock::now();
  parallel::Communicator const world = parallel::Communicator::duplicate(comm);
  parallel::Communicator const node = world.split_by_node();
  parallel::Communicator const leaders = world.split(node.rank() == 0 ? 0 : 1, world.rank());
  Hosts const hosts{world, node, leaders};
  Report report;
  report.launch = examination.launch;
  report.left_out = parallel::check_start(world, report.launch).left_out;
  report.transport = describe_transport(transport_sources());
  RankFacts mine = local_facts(hosts, examination);
  measure_network(hosts, report);
  measure_compute(hosts, mine, report);
  if (!examination.checkpoint.empty()) {
    measure_reading(hosts, examination.checkpoint, mine, report);
  }
  report.ranks = gather_facts(world, mine);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace talus::doctor
