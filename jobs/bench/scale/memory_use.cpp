// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/scale/memory_use.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace talus::bench {

namespace {

constexpr std::int64_t kibibyte = 1024;

// The bytes of address space from /dev/shm: where MPIs keep what processes of a node share.
std::int64_t shared_segments() {
  std::ifstream maps{"/proc/self/maps"};
  std::int64_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/dev/shm/") != std::string::npos) {
      std::size_t const dash = line.find('-');
      bytes += static_cast<std::int64_t>(std::stoull(line.substr(dash + 1), nullptr, 16) -
                                         std::stoull(line.substr(0, dash), nullptr, 16));
    }
  }
  return bytes;
}

}  // namespace

MemoryUse memory_use() {
  MemoryUse use;
  std::ifstream rollup{"/proc/self/smaps_rollup"};
  for (std::string line; std::getline(rollup, line);) {
    std::istringstream in{line};
    std::string name;
    std::int64_t number = 0;
    in >> name >> number;
    std::int64_t const bytes = number * kibibyte;
    if (name == "Rss:") {
      use.rss = bytes;
    } else if (name == "Pss:") {
      use.pss = bytes;
    } else if (name == "Pss_Shmem:") {
      use.pss_shared = bytes;
    } else if (name == "Private_Clean:" || name == "Private_Dirty:") {
      use.own += bytes;
    }
  }
  use.shared_segments = shared_segments();
  return use;
}

}  // namespace talus::bench
