// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/communicator.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// Refuses ranks that were started with different options: they would wait for one another in
/// different places.
///
/// Directories may differ, since a node may have a copy of its own.
/// Collective over `comm`.
/// \throws ConfigError  on every rank, naming the first option that isn't the same
void check_same_options(parallel::Communicator const& comm, ModelOptions const& options);

}  // namespace talus::runtime
