// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/threads/cores.hpp"
#include "parallel/communicator.hpp"

namespace talus::runtime {

/// Which part of its cores is this rank's: ranks of a node that may run on the same cores, because
/// the launcher bound them to no other ones, take a part each. Collective over `comm`.
[[nodiscard]] kernels::CoreShare core_share(parallel::Communicator const& comm);

}  // namespace talus::runtime
