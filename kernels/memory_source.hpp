// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace talus::kernels {

/// Memory of another owner, which buffers of a context are made of instead of the system's: weights
/// that several processes share. Outlives those buffers.
class MemorySource {
 public:
  MemorySource() = default;
  MemorySource(MemorySource const&) = delete;
  MemorySource& operator=(MemorySource const&) = delete;
  virtual ~MemorySource() = default;

  /// `bytes` bytes, 64-byte aligned, uninitialised; null where the system's memory is to be taken.
  [[nodiscard]] virtual void* take(std::int64_t bytes) = 0;

  /// Whether this process is to fill the buffer that begins at `memory`: another one does it, if
  /// they share it.
  [[nodiscard]] virtual bool is_filled_here(void const* memory) const = 0;
};

}  // namespace talus::kernels
