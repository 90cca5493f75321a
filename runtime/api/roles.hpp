// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/communicator.hpp"
#include "runtime/api/talus/engine.hpp"

/// \file
/// Who is who in a program's communicator, before there is an engine.

namespace talus::api {

/// The program's communicator.
///
/// \throws ConfigError  if it is none that can be used
[[nodiscard]] MPI_Comm checked_comm(MPI_Comm comm);

/// What all ranks learn of each other before anything else.
struct Hello {
  std::int64_t least_protocol = 0;
  std::int64_t most_protocol = 0;
  int speaker = 0;  ///< the first rank that is named an engine's; 0 if none is
};

/// Other programs may be at the other end, which were linked to another version: this stays as it
/// is. Collective over `comm`.
///
/// \param role  of this rank
[[nodiscard]] Hello exchange_hello(parallel::Communicator const& comm, Role role);

/// \throws ConfigError  on every rank, if they speak different protocols
void check_protocol(Hello const& hello);

/// Which ranks are the engine's.
struct Roles {
  bool is_engine = false;            ///< this rank
  std::vector<char> is_engine_rank;  ///< [ranks]
  bool has_clients = false;
};

/// Collective over `comm`.
///
/// \throws ConfigError  on every rank, if options and roles can't be used together
[[nodiscard]] Roles choose_roles(parallel::Communicator const& comm, Options const& options);

}  // namespace talus::api
