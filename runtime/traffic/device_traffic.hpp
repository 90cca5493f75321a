// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/device_group.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Traffic between the devices themselves. Sums are folded on them in the order of the tree, never
/// by a library's reduction. Local.
///
/// \param group    outlives it
/// \param devices  of the ranks of `group`, numbered alike
[[nodiscard]] std::unique_ptr<GroupTraffic> make_device_traffic(
    kernels::ExecContext const& exec,
    parallel::Communicator const& group,
    std::unique_ptr<kernels::DeviceGroup> devices);

}  // namespace talus::runtime
