// SPDX-License-Identifier: Apache-2.0
#include "parallel/watch_nodes.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::parallel {

WatchNodes::WatchNodes(Communicator const& comm, Communicator const& node) {
  int first_here = comm.rank();
  broadcast(node, std::span{&first_here, 1}, 0);
  node_of.resize(static_cast<std::size_t>(comm.size()));
  all_gather(comm, std::span{&first_here, 1}, std::span{node_of});

  // One name a node, gathered by the first ranks of nodes, which are few.
  bool const is_first = node.rank() == 0;
  Communicator const firsts = comm.split(is_first ? 0 : 1, comm.rank());
  std::vector<std::byte> bytes;
  if (is_first) {
    names.resize(static_cast<std::size_t>(firsts.size()));
    bytes.resize(names.size() * sizeof(Name));
    Name const mine{std::string_view{host_name()}};
    all_gather(firsts, std::as_bytes(std::span{&mine, 1}), std::span{bytes});
  }
  broadcast_bytes(node, bytes, 0);
  names = values_of<Name>(bytes);

  std::vector<int> first_ranks = node_of;
  std::sort(first_ranks.begin(), first_ranks.end());
  first_ranks.erase(std::unique(first_ranks.begin(), first_ranks.end()), first_ranks.end());
  auto const number = [&](int first) {
    return static_cast<int>(std::lower_bound(first_ranks.begin(), first_ranks.end(), first) -
                            first_ranks.begin());
  };
  std::transform(node_of.begin(), node_of.end(), node_of.begin(), number);
  here = number(first_here);
}

std::vector<int> WatchNodes::ranks_here() const {
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < node_of.size(); ++rank) {
    if (node_of[rank] == here) {
      ranks.push_back(static_cast<int>(rank));
    }
  }
  return ranks;
}

}  // namespace talus::parallel
