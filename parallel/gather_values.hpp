// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::parallel {

/// Any number of plain values of each rank, in the order of the ranks, on rank 0; empty elsewhere.
/// Collective over `comm`.
template <class T>
[[nodiscard]] std::vector<T> gather_values(Communicator const& comm, std::span<T const> mine) {
  std::vector<T> all;
  for (std::vector<std::byte> const& bytes : gather_bytes(comm, std::as_bytes(mine), 0)) {
    auto const values = values_of<T>(bytes);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace talus::parallel
