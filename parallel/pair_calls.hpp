// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parallel/communicator.hpp"
#include "parallel/tags.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

/// The calls that are messages from one rank of `comm` to another one: both ends name them alike.
[[nodiscard]] inline CallGroup pair_calls(Communicator const& comm, Tag tag, int from, int to) {
  auto const ends = static_cast<std::uint64_t>(from) << 32 | static_cast<std::uint64_t>(to);
  return comm.calls().part(
      ends ^ static_cast<std::uint64_t>(tag) << 24, concat(from, " to ", to), 2);
}

}  // namespace talus::parallel
