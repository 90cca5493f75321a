// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talus::runtime {

/// What of a host is near a PCI device.
struct CardLocality {
  int numa = -1;                  ///< memory domain; -1: the system doesn't tell
  std::vector<std::string> nics;  ///< network interfaces that are nearest: "mlx5_0"; all alike
};

/// Looks in the system's tree of devices. What isn't told there stays empty.
///
/// Nearest is the network device that has most bridges in common with the card; InfiniBand and its
/// like (`class/infiniband`), or else Ethernet that belongs to a PCI device (`class/net`).
///
/// \param pci     address: "0000:3b:00.0"
/// \param system  where the tree is
[[nodiscard]] CardLocality card_locality(std::string const& pci,
                                         std::filesystem::path const& system = "/sys");

/// "NUMA node 0, nearest NIC mlx5_0"; empty where nothing is known.
[[nodiscard]] std::string describe(CardLocality const& locality);

}  // namespace talus::runtime
