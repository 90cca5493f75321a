// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Traffic where the context's memory is one that MPI reads and writes itself: the host's, or a
/// device's where the MPI library is made for it. Local.
///
/// \param group  outlives it
[[nodiscard]] std::unique_ptr<GroupTraffic> make_direct_traffic(
    kernels::ExecContext const& exec, parallel::Communicator const& group);

}  // namespace talus::runtime
