// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Traffic by way of host memory: what is sent is copied from the context's memory to the host's
/// before, and what is received from there after. Works with every MPI. Local.
///
/// Host memory is what the largest call took so far, or reserve() asked for.
///
/// \param group  outlives it
[[nodiscard]] std::unique_ptr<GroupTraffic> make_staged_traffic(
    kernels::ExecContext const& exec, parallel::Communicator const& group);

}  // namespace talus::runtime
