// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/block/emulation/operations.hpp"

#include "tests/kernels/cuda/card.hpp"
#include "tests/kernels/cuda/heap_memory.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr std::int64_t pool_bytes = std::int64_t{16} << 20;

/// As that of a card, before main().
HeapRange const heap = grow_heap();

void set_emulated(Operations& table) {
  table = block::emulation::operations();
}

}  // namespace

/// A card that is none: so that a test of what compares it with the emulation needs no GPU.
Card const& card() {
  static Module const module{nullptr, nullptr, set_emulated};
  static block::emulation::FencedDevice device{pool_bytes};
  static Card const found{&module, &device};
  return found;
}

void check_reach(std::span<std::byte const> memory) {
  require_heap(heap, memory);
}

void check_default_stream() {}

}  // namespace talus::kernels::cuda
