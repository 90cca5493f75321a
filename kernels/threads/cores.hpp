// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace talus::kernels {

/// The cores of a process that it shares with others of the same node.
struct CoreShare {
  int index = 0;        ///< which part of the cores is this process's
  int num_sharing = 1;  ///< processes that may run on the same cores
};

/// A processor as the system numbers it: one of the hardware threads of a core.
struct Core {
  int number = 0;
  int place = 0;  ///< among the usable hardware threads of its core, from 0
};

/// The processors that the launcher left this process, hardware threads of one core side by side.
[[nodiscard]] std::vector<Core> usable_cores();

/// A process's part of `cores`, first one hardware thread of each core, then the others; none where
/// there are fewer than processes.
[[nodiscard]] std::vector<Core> part_of(std::vector<Core> const& cores, CoreShare share);

/// Hardware threads that are the first of their core: as many threads as it pays to have.
[[nodiscard]] int num_whole_cores(std::vector<Core> const& cores);

}  // namespace talus::kernels
