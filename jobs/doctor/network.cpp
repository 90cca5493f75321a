// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/network.hpp"

#include <bit>
#include <cstddef>

#include "jobs/doctor/link_probe.hpp"
#include "jobs/doctor/pair_rounds.hpp"
#include "parallel/collectives.hpp"
#include "parallel/gather_values.hpp"

namespace talus::doctor {

namespace {

/// The ranks in `world` of all members of `comm`. Collective over `comm`.
std::vector<int> world_ranks(parallel::Communicator const& world,
                             parallel::Communicator const& comm) {
  int const mine = world.rank();
  std::vector<int> ranks(static_cast<std::size_t>(comm.size()));
  parallel::all_gather(comm, std::span{&mine, 1}, std::span{ranks});
  return ranks;
}

Link to_link(int from, int to, ProbedLink const& probed) {
  Link link;
  link.ranks[0] = from;
  link.ranks[1] = to;
  link.latency = probed.latency;
  link.bytes_per_second = probed.bytes_per_second;
  return link;
}

/// Measured by this rank, between first ranks of hosts.
std::vector<Link> measure_pairs(Hosts const& hosts, PairRounds const& rounds) {
  parallel::Communicator const& leaders = hosts.leaders;
  std::vector<int> const ranks = world_ranks(hosts.world, leaders);
  std::vector<Link> links;
  for (int round = 0; round < rounds.num_rounds(); ++round) {
    parallel::barrier(leaders);  // pairs of two rounds would disturb each other
    int const partner = rounds.partner_of(leaders.rank(), round);
    if (partner > leaders.rank()) {
      int const peer = ranks[static_cast<std::size_t>(partner)];
      links.push_back(to_link(hosts.world.rank(), peer, probe(leaders, partner)));
    } else if (partner >= 0) {
      answer_probe(leaders, partner);
    }
  }
  return links;
}

/// The way from a host's first rank to its last, which is likely the farthest.
std::vector<Link> measure_inside(Hosts const& hosts) {
  parallel::Communicator const& node = hosts.node;
  int const last = node.size() - 1;
  std::vector<int> const ranks = world_ranks(hosts.world, node);
  std::vector<Link> links;
  if (last > 0 && node.rank() == 0) {
    links.push_back(to_link(ranks.front(), ranks.back(), probe(node, last)));
  } else if (last > 0 && node.rank() == last) {
    answer_probe(node, 0);
  }
  return links;
}

/// Leaders below `step` are compared already; each compares itself with one `step` above.
int parent_of(int leader) {
  return leader - static_cast<int>(std::bit_floor(static_cast<unsigned>(leader)));
}

/// This leader's clock against its parent's in the tree; that of the first is itself.
ClockOffset compare_clocks(Hosts const& hosts) {
  parallel::Communicator const& leaders = hosts.leaders;
  ClockOffset mine{.rank = hosts.world.rank()};
  for (int step = 1; step < leaders.size(); step *= 2) {
    if (leaders.rank() < step && leaders.rank() + step < leaders.size()) {
      answer_probe(leaders, leaders.rank() + step);
    } else if (leaders.rank() >= step && leaders.rank() < 2 * step) {
      ProbedLink const probed = probe_clock(leaders, parent_of(leaders.rank()));
      mine.seconds = -probed.clock_offset;
      mine.error = probed.clock_error;
    }
  }
  return mine;
}

/// From differences to parents to differences to the first, in the order of the leaders.
void add_up(std::vector<ClockOffset>& clocks) {
  for (std::size_t i = 1; i < clocks.size(); ++i) {
    ClockOffset const& parent = clocks[static_cast<std::size_t>(parent_of(static_cast<int>(i)))];
    clocks[i].seconds += parent.seconds;
    clocks[i].error += parent.error;
  }
}

}  // namespace

NetworkFacts examine_network(Hosts const& hosts, int most_rounds) {
  NetworkFacts facts;
  std::vector<ClockOffset> clocks;
  if (hosts.is_leader()) {
    PairRounds const rounds{hosts.leaders.size(), most_rounds};
    facts.num_host_pairs = rounds.num_pairs();
    clocks = {compare_clocks(hosts)};
    facts.links = measure_pairs(hosts, rounds);
  }
  parallel::barrier(hosts.world);  // what is inside comes after what is between
  facts.inside = measure_inside(hosts);
  if (!hosts.is_leader()) {
    return {};
  }
  facts.links = parallel::gather_values<Link>(hosts.leaders, facts.links);
  facts.inside = parallel::gather_values<Link>(hosts.leaders, facts.inside);
  facts.clocks = parallel::gather_values<ClockOffset>(hosts.leaders, clocks);
  add_up(facts.clocks);
  return facts;
}

}  // namespace talus::doctor
