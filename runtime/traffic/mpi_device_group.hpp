// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/device_group.hpp"
#include "kernels/exec_context.hpp"
#include "parallel/communicator.hpp"

namespace talus::runtime {

/// Devices between which MPI carries data, by a library that takes addresses in their memory. A
/// call waits for the work that was queued before, and returns when all is there. Collective over
/// `group`, which is duplicated.
///
/// \param exec  its device outlives the group; without one, memory is the host's
[[nodiscard]] std::unique_ptr<kernels::DeviceGroup> make_mpi_device_group(
    kernels::ExecContext const& exec, parallel::Communicator const& group);

}  // namespace talus::runtime
