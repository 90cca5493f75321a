// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_locality.hpp"

#include <fstream>

#include <unistd.h>

#include "tests/support/catch.hpp"

namespace fs = std::filesystem;

using namespace talus;
using namespace talus::runtime;

namespace {

/// A tree of devices like that of a node with two GPUs, and network devices beside them.
class SystemTree {
 public:
  SystemTree() : root_{fs::temp_directory_path() / ("talus_sys_" + std::to_string(getpid()))} {
    fs::remove_all(root_);
    for (auto const* const folder : {"bus/pci/devices", "class/infiniband", "class/net"}) {
      fs::create_directories(root_ / folder);
    }
  }

  ~SystemTree() { fs::remove_all(root_); }

  SystemTree(SystemTree const&) = delete;
  SystemTree& operator=(SystemTree const&) = delete;

  /// \param path  "pci0000:3a/0000:3a:00.0/0000:3b:00.0"
  void add_device(std::string const& path, int numa) {
    fs::path const device = root_ / "devices" / path;
    fs::create_directories(device);
    std::ofstream{device / "numa_node"} << numa << '\n';
    fs::create_directory_symlink(device, root_ / "bus/pci/devices" / device.filename());
  }

  void add_interface(std::string const& kind, std::string const& name, std::string const& path) {
    fs::path const folder = root_ / "devices" / path / kind / name;
    fs::create_directories(folder);
    fs::create_directory_symlink(root_ / "devices" / path, folder / "device");
    fs::create_directory_symlink(folder, root_ / "class" / kind / name);
  }

  [[nodiscard]] fs::path const& root() const { return root_; }

 private:
  fs::path root_;
};

}  // namespace

TEST_CASE("the nearest InfiniBand device shares most bridges with the card") {
  SystemTree tree;
  tree.add_device("pci0000:3a/0000:3a:00.0/0000:3b:00.0/0000:3c:10.0/0000:3d:00.0", 0);
  tree.add_device("pci0000:3a/0000:3a:00.0/0000:3b:00.0/0000:3c:14.0/0000:3e:00.0", 0);
  tree.add_device("pci0000:ae/0000:ae:00.0/0000:af:00.0", 1);
  tree.add_device("pci0000:ae/0000:ae:02.0/0000:b0:00.0", 1);
  tree.add_interface(
      "infiniband", "mlx5_0", "pci0000:3a/0000:3a:00.0/0000:3b:00.0/0000:3c:14.0/0000:3e:00.0");
  tree.add_interface("infiniband", "mlx5_1", "pci0000:ae/0000:ae:02.0/0000:b0:00.0");
  tree.add_interface("net", "eth0", "pci0000:ae/0000:ae:02.0/0000:b0:00.0");

  CardLocality const first = card_locality("0000:3d:00.0", tree.root());
  CHECK(first.numa == 0);
  CHECK(first.nics == std::vector<std::string>{"mlx5_0"});
  CHECK(describe(first) == "NUMA node 0, nearest NIC mlx5_0");
  CHECK(card_locality("0000:af:00.0", tree.root()).nics == std::vector<std::string>{"mlx5_1"});
}

TEST_CASE("without InfiniBand it is Ethernet; what is equally near is told together") {
  SystemTree tree;
  tree.add_device("pci0000:3a/0000:3a:00.0/0000:3b:00.0", -1);
  tree.add_device("pci0000:3a/0000:3a:01.0/0000:3c:00.0", -1);
  tree.add_interface("net", "eth1", "pci0000:3a/0000:3a:01.0/0000:3c:00.0");
  tree.add_interface("net", "eth0", "pci0000:3a/0000:3a:01.0/0000:3c:00.0");
  fs::create_directories(tree.root() / "devices/virtual/net/lo");
  fs::create_directory_symlink(tree.root() / "devices/virtual/net/lo",
                               tree.root() / "class/net/lo");

  CardLocality const locality = card_locality("0000:3b:00.0", tree.root());
  CHECK(locality.numa == -1);
  CHECK(describe(locality) == "nearest NIC eth0, eth1");
}

TEST_CASE("a card that the system doesn't know has no place") {
  SystemTree const tree;
  CardLocality const locality = card_locality("0000:3b:00.0", tree.root());
  CHECK(locality.numa == -1);
  CHECK(locality.nics.empty());
  CHECK(describe(locality).empty());
}
