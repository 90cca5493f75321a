// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace talus::kernels::cuda {

/// Where the program's heap is.
struct HeapRange {
  std::uintptr_t first = 0;
  std::uintptr_t last = 0;

  [[nodiscard]] bool has(void const* memory) const {
    auto const address = reinterpret_cast<std::uintptr_t>(memory);
    return address >= first && address < last;
  }
};

/// Has all that the program allocates from now on come from one heap, which doesn't grow until a
/// thousand million bytes are used.
///
/// \throws ConfigError  if the system doesn't let it
[[nodiscard]] HeapRange grow_heap();

/// Makes all memory that the program allocates, of its one heap, such that a GPU reads and writes
/// it at the same addresses: so that tests that were written for host memory run on a card as they
/// are. Slow, and for tests only. Where the driver doesn't take it, but the GPU reads all memory of
/// a process by itself, that does.
///
/// \param heap  that grow_heap() gave
/// \throws ApiError  if the driver refuses
void register_heap(HeapRange const& heap);

/// \throws ConfigError  if memory isn't of the heap, or the heap has grown since
void require_heap(HeapRange const& heap, std::span<std::byte const> memory);

}  // namespace talus::kernels::cuda
