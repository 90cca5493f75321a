// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_locality.hpp"

#include <algorithm>
#include <fstream>

#include "runtime/base/error.hpp"

namespace fs = std::filesystem;

namespace talus::runtime {
namespace {

/// The place of a device in the tree, from the root complex on, as the names of bridges and its
/// own; empty if it isn't there.
std::vector<std::string> path_of(fs::path const& device) {
  std::error_code error;
  fs::path const real = fs::canonical(device, error);
  if (error) {
    return {};
  }
  std::vector<std::string> names;
  for (fs::path const& name : real) {
    // "pci0000:3a", then addresses.
    if (name.string().find(':') != std::string::npos) {
      names.push_back(name.string());
    }
  }
  return names;
}

std::size_t num_common(std::vector<std::string> const& a, std::vector<std::string> const& b) {
  auto const differing = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<std::size_t>(differing - a.begin());
}

/// The interfaces of a class that are nearest, in the order of their names.
std::vector<std::string> nearest(fs::path const& interfaces, std::vector<std::string> const& card) {
  std::vector<std::string> found;
  std::size_t most = 0;
  std::error_code ignored;
  for (fs::directory_entry const& entry : fs::directory_iterator{interfaces, ignored}) {
    std::vector<std::string> const path = path_of(entry.path() / "device");
    if (path.empty()) {
      continue;  // no PCI device: loopback, bridges, tunnels
    }
    std::size_t const common = num_common(card, path);
    if (found.empty() || common > most) {
      most = common;
      found.clear();
    }
    if (common == most) {
      found.push_back(entry.path().filename().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

CardLocality card_locality(std::string const& pci, fs::path const& system) {
  CardLocality locality;
  fs::path const device = system / "bus/pci/devices" / pci;
  if (std::ifstream file{device / "numa_node"}; !(file >> locality.numa)) {
    locality.numa = -1;
  }
  std::vector<std::string> const card = path_of(device);
  if (card.empty()) {
    return locality;
  }
  locality.nics = nearest(system / "class/infiniband", card);
  if (locality.nics.empty()) {
    locality.nics = nearest(system / "class/net", card);
  }
  return locality;
}

std::string describe(CardLocality const& locality) {
  std::string text = locality.numa < 0 ? "" : concat("NUMA node ", locality.numa);
  for (std::size_t i = 0; i < locality.nics.size(); ++i) {
    text += concat(i > 0          ? ", "
                   : text.empty() ? "nearest NIC "
                                  : ", nearest NIC ",
                   locality.nics[i]);
  }
  return text;
}

}  // namespace talus::runtime
