// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads/cores.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include <sched.h>

namespace talus::kernels {
namespace {

/// The lowest number of the hardware threads that share a core with `number`; itself where the
/// system doesn't tell.
int first_sibling(int number) {
  std::ifstream file{"/sys/devices/system/cpu/cpu" + std::to_string(number) +
                     "/topology/thread_siblings_list"};
  int first = number;
  return file >> first ? first : number;
}

}  // namespace

std::vector<Core> usable_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) {
    return {};
  }
  std::map<int, std::vector<int>> by_core;
  for (int number = 0; number < CPU_SETSIZE; ++number) {
    if (CPU_ISSET(static_cast<unsigned>(number), &mask)) {
      by_core[first_sibling(number)].push_back(number);
    }
  }
  std::vector<Core> cores;
  for (auto const& [first, numbers] : by_core) {
    for (int place = 0; place < static_cast<int>(numbers.size()); ++place) {
      cores.push_back({numbers[static_cast<std::size_t>(place)], place});
    }
  }
  return cores;
}

std::vector<Core> part_of(std::vector<Core> const& cores, CoreShare share) {
  auto const count = std::ssize(cores);
  if (count < share.num_sharing) {
    return {};
  }
  std::vector<Core> part{cores.begin() + share.index * count / share.num_sharing,
                         cores.begin() + (share.index + 1) * count / share.num_sharing};
  std::stable_sort(part.begin(), part.end(), [](Core a, Core b) { return a.place < b.place; });
  return part;
}

int num_whole_cores(std::vector<Core> const& cores) {
  return static_cast<int>(
      std::count_if(cores.begin(), cores.end(), [](Core core) { return core.place == 0; }));
}

}  // namespace talus::kernels
