// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/device_links.hpp"
#include "kernels/exec_context.hpp"
#include "parallel/communicator.hpp"
#include "runtime/traffic/device_traffic.hpp"
#include "runtime/traffic/traffic_choice.hpp"

namespace talus::runtime {

/// Chooses how activations travel in a group whose ranks all have devices. Collective over `group`.
///
/// \return the same on every rank
/// \throws ConfigError  on every rank, as choose_traffic
[[nodiscard]] TrafficChoice agree_on_traffic(kernels::ExecContext const& exec,
                                             parallel::Communicator const& group,
                                             CommOption wanted);

/// Joins the devices of a group's ranks by their own library. Collective over `group`.
///
/// \throws ConfigError  on every rank, if the library reports an error on the first
/// \throws ApiError     if it does on this one
[[nodiscard]] std::unique_ptr<kernels::DeviceGroup> join_devices(
    kernels::ExecContext const& exec, parallel::Communicator const& group);

/// Joins the devices of two ranks of a group, the sender's being 0 among them. Collective over the
/// two.
///
/// \param peer     the other one's rank in `group`
/// \throws ApiError  if the library reports an error
[[nodiscard]] std::unique_ptr<kernels::DeviceGroup> join_pair(kernels::ExecContext const& exec,
                                                              parallel::Communicator const& group,
                                                              int peer,
                                                              PairEnd end);

}  // namespace talus::runtime
