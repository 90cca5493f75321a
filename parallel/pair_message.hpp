// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// Sends a few bytes to another rank of the group, which calls receive_bytes(). Returns when they
/// have left.
///
/// \throws ApiError  if MPI reports an error
void send_bytes(Communicator const& comm, int peer, std::span<std::byte const> bytes);

/// As many as the peer sends.
///
/// \throws ApiError  if MPI reports an error
void receive_bytes(Communicator const& comm, int peer, std::span<std::byte> bytes);

}  // namespace talus::parallel
