// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::kernels {

/// Who takes back the memory that a buffer is made of, if it isn't the system. Outlives the buffer.
class MemoryOwner {
 public:
  MemoryOwner() = default;
  MemoryOwner(MemoryOwner const&) = delete;
  MemoryOwner& operator=(MemoryOwner const&) = delete;
  virtual ~MemoryOwner() = default;

  /// Gives back what a buffer was made of.
  virtual void release(void* memory) noexcept = 0;
};

}  // namespace talus::kernels
