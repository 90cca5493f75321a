// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "kernels/device_group.hpp"
#include "runtime/traffic/device_calls.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Which end of a channel a rank is.
enum class PairEnd { sender, receiver };

/// Joins this rank's device and that of another rank of the group to a group of their own. Both
/// call it.
using JoinPair = std::function<std::unique_ptr<kernels::DeviceGroup>(int peer, PairEnd end)>;

/// What traffic between devices has beside their group.
struct DeviceTrafficTools {
  /// Channels get groups of their own, where a message that waits for its receiver holds up nothing
  /// else; none: they use that of all ranks.
  JoinPair join_pair;
  /// Who is told of what is queued between the ranks; outlives the traffic. Null: nobody.
  DeviceCalls* calls = nullptr;
};

/// Traffic between the devices themselves. Sums are folded on them in the order of the tree, never
/// by a library's reduction. Local.
///
/// \param group    outlives it
/// \param devices  of the ranks of `group`, numbered alike
[[nodiscard]] std::unique_ptr<GroupTraffic> make_device_traffic(
    kernels::ExecContext const& exec,
    parallel::Communicator const& group,
    std::unique_ptr<kernels::DeviceGroup> devices,
    DeviceTrafficTools tools = {});

}  // namespace talus::runtime
