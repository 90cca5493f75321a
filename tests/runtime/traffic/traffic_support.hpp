// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/traffic/group_traffic.hpp"

#include "tests/runtime/traffic/shifted_device.hpp"
#include "tests/support/spread_values.hpp"

/// \file
/// Exchanges that every kind of traffic must do alike: each gives what a rank got.

namespace talus::runtime {

using Values = std::vector<float>;

/// Whether all bits are the same.
[[nodiscard]] inline bool are_same(Values const& a, Values const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Elements that rank `from` sends to rank `to`: of all sizes, none among them.
[[nodiscard]] inline int block_size(int from, int to, int scale) {
  return (from * 7 + to * 3) % 4 * scale;
}

/// The block of each rank, gathered.
[[nodiscard]] inline Values gathered(GroupTraffic& traffic,
                                     kernels::ExecContext const& exec,
                                     int scale) {
  auto const ranks = static_cast<std::size_t>(traffic.size());
  std::vector<int> counts(ranks);
  std::vector<int> offsets(ranks);
  for (int rank = 0; rank < traffic.size(); ++rank) {
    counts[static_cast<std::size_t>(rank)] = block_size(rank, 1, scale);
  }
  auto const total = static_cast<std::size_t>(parallel::pack_blocks(counts, offsets));
  auto const own = static_cast<std::size_t>(counts[static_cast<std::size_t>(traffic.rank())]);
  kernels::ContextArray mine{exec,
                             test::spread_values(static_cast<std::uint32_t>(traffic.rank()), own)};
  kernels::ContextArray all{exec, Values(total)};
  traffic.all_gather_v(mine.span(), all.span(), {counts, offsets});
  return all.values();
}

/// A block from each rank to each.
[[nodiscard]] inline Values exchanged(GroupTraffic& traffic,
                                      kernels::ExecContext const& exec,
                                      int scale) {
  auto const ranks = static_cast<std::size_t>(traffic.size());
  std::vector<int> send_counts(ranks);
  std::vector<int> send_offsets(ranks);
  std::vector<int> receive_counts(ranks);
  std::vector<int> receive_offsets(ranks);
  for (int rank = 0; rank < traffic.size(); ++rank) {
    send_counts[static_cast<std::size_t>(rank)] = block_size(traffic.rank(), rank, scale);
    receive_counts[static_cast<std::size_t>(rank)] = block_size(rank, traffic.rank(), scale);
  }
  auto const sent = static_cast<std::size_t>(parallel::pack_blocks(send_counts, send_offsets));
  auto const received =
      static_cast<std::size_t>(parallel::pack_blocks(receive_counts, receive_offsets));
  kernels::ContextArray send{exec,
                             test::spread_values(static_cast<std::uint32_t>(traffic.rank()), sent)};
  kernels::ContextArray receive{exec, Values(received)};
  traffic.all_to_all_v(
      send.span(), {send_counts, send_offsets}, receive.span(), {receive_counts, receive_offsets});
  return receive.values();
}

/// The sums of several arrays, one after another, by `sum`, which is over `tree` for this rank of
/// the group.
[[nodiscard]] inline Values summed_by(LeafSum& sum,
                                      SumTree const& tree,
                                      parallel::Communicator const& group,
                                      kernels::ExecContext const& exec,
                                      std::vector<std::size_t> const& sizes) {
  std::vector<LeafRange> const nodes = tree.nodes_of(tree.run_of(group.rank(), group.size()));
  Values sums;
  for (std::size_t const size : sizes) {
    for (std::size_t node = 0; node < sum.num_partials(); ++node) {
      auto const seed =
          static_cast<std::uint32_t>(nodes[node].first * 1000) + static_cast<std::uint32_t>(size);
      Values const values = test::spread_values(seed, size);
      kernels::upload(exec, std::span{values}, sum.partial(node).data());
    }
    kernels::ContextArray result{exec, Values(size)};
    static_cast<void>(sum.sum(result.span()));
    Values const values = result.values();
    sums.insert(sums.end(), values.begin(), values.end());
  }
  return sums;
}

/// Likewise, by a group's own sum.
[[nodiscard]] inline Values summed(GroupTraffic& traffic,
                                   kernels::ExecContext const& exec,
                                   std::int32_t num_leaves,
                                   std::vector<std::size_t> const& sizes) {
  SumTree const tree{num_leaves};
  auto const sum = traffic.make_sum(tree, *std::max_element(sizes.begin(), sizes.end()));
  return summed_by(*sum, tree, traffic.communicator(), exec, sizes);
}

/// What arrives at the last rank of messages that go from rank to rank, each adding its own number
/// to what it sends on.
[[nodiscard]] inline Values passed_on(GroupTraffic& traffic,
                                      kernels::ExecContext const& exec,
                                      std::vector<std::size_t> const& sizes) {
  std::size_t const largest = *std::max_element(sizes.begin(), sizes.end());
  parallel::ChannelOptions options{.peer = traffic.rank() - 1,
                                   .tag = parallel::Tag::activations,
                                   .max_elements = largest,
                                   .num_slots = 2};
  auto const previous = traffic.rank() > 0 ? traffic.make_receiver(options) : nullptr;
  options.peer = traffic.rank() + 1;
  auto const next = options.peer < traffic.size() ? traffic.make_sender(options) : nullptr;
  // Receivers of another pass, which are gone by now, would have taken what is sent to this one's.
  parallel::barrier(traffic.communicator());
  Values all;
  for (std::size_t const size : sizes) {
    kernels::ContextArray array{exec, test::spread_values(static_cast<std::uint32_t>(size), size)};
    if (previous) {
      previous->receive(array.span());
    }
    Values values = array.values();
    all.insert(all.end(), values.begin(), values.end());
    for (float& value : values) {
      value += static_cast<float>(traffic.rank() + 1);
    }
    kernels::upload(exec, std::span<float const>{values}, array.span().data());
    if (next) {
      next->send(array.span());
      values.assign(values.size(), -1.0F);  // what was sent may change at once
      kernels::upload(exec, std::span<float const>{values}, array.span().data());
    }
  }
  if (next) {
    next->finish();
  }
  return all;
}

}  // namespace talus::runtime
