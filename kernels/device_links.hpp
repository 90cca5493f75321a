// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kernels/device_group.hpp"
#include "kernels/peer_sums.hpp"

namespace talus::kernels {

/// How a device joins others, of other processes, to a DeviceGroup.
class DeviceLinks {
 public:
  DeviceLinks() = default;
  DeviceLinks(DeviceLinks const&) = delete;
  DeviceLinks& operator=(DeviceLinks const&) = delete;
  virtual ~DeviceLinks() = default;

  /// The address of the device's card on its host, which no group may have twice.
  [[nodiscard]] virtual std::string card() const = 0;

  /// The library that carries the data, and its version; empty where there is none.
  [[nodiscard]] virtual std::string library() const = 0;

  /// Why no group can be joined; empty where one can.
  [[nodiscard]] virtual std::string problem() const = 0;

  /// What all processes of one new group must be given.
  ///
  /// \throws ApiError  if the library reports an error
  [[nodiscard]] virtual DeviceGroupId make_id() = 0;

  /// Joins a group; the device outlives it. Collective over the processes that are meant.
  ///
  /// \throws ApiError  if the library reports an error
  [[nodiscard]] virtual std::unique_ptr<DeviceGroup> join(DeviceGroupPlace const& place) = 0;

  /// Memory of the device, which outlives it, for sums with devices on the same host; null where
  /// they can't reach each other's memory. Local.
  ///
  /// \throws ApiError  if the device's library reports an error
  [[nodiscard]] virtual std::unique_ptr<PeerSums> make_peer_sums(PeerSumPlace const& /*place*/) {
    return nullptr;
  }

  /// Memory that kernels of devices on the same host reach; else as above.
  [[nodiscard]] virtual std::unique_ptr<PeerMemory> make_peer_memory(
      PeerMemoryPlace const& /*place*/) {
    return nullptr;
  }
};

}  // namespace talus::kernels
