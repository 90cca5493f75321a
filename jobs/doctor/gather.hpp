// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "parallel/collectives.hpp"

namespace talus::doctor {

/// Any number of plain values of each rank, in the order of the ranks, on rank 0; empty elsewhere.
/// Collective over `comm`.
template <class T>
[[nodiscard]] std::vector<T> gather_values(parallel::Communicator const& comm,
                                           std::span<T const> mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> all;
  for (std::vector<std::byte> const& bytes : parallel::gather_bytes(comm, std::as_bytes(mine), 0)) {
    std::size_t const count = bytes.size() / sizeof(T);
    all.resize(all.size() + count);
    if (count > 0) {
      std::memcpy(all.data() + all.size() - count, bytes.data(), bytes.size());
    }
  }
  return all;
}

/// The ranks in `world` of all members of `comm`. Collective over `comm`.
[[nodiscard]] inline std::vector<int> world_ranks(parallel::Communicator const& world,
                                                  parallel::Communicator const& comm) {
  int const mine = world.rank();
  std::vector<int> ranks(static_cast<std::size_t>(comm.size()));
  parallel::all_gather(comm, std::span{&mine, 1}, std::span{ranks});
  return ranks;
}

}  // namespace talus::doctor
