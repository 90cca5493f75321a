// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace talus::bench {

/// Memory of this process, in bytes, as Linux tells it in /proc/self.
struct MemoryUse {
  std::int64_t rss = 0;              ///< pages that are there
  std::int64_t pss = 0;              ///< the same, shared ones divided by those who have them
  std::int64_t own = 0;              ///< pages that no other process has
  std::int64_t pss_shared = 0;       ///< of pss: shared memory
  std::int64_t shared_segments = 0;  ///< address space of mapped files of shared memory
};

[[nodiscard]] MemoryUse memory_use();

}  // namespace talus::bench
