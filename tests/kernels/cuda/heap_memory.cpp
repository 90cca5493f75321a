// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/heap_memory.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <cuda_runtime_api.h>
#include <malloc.h>
#include <unistd.h>

#include "kernels/cuda/check.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

/// What the tests of a program may have allocated at a time.
constexpr int heap_bytes = 1 << 30;

/// As the system has it: a line, or several where advice was given for parts of it.
HeapRange find_heap() {
  std::ifstream maps{"/proc/self/maps"};
  HeapRange all;
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with("[heap]")) {
      HeapRange part;
      char dash = 0;
      std::istringstream{line} >> std::hex >> part.first >> dash >> part.last;
      all = {all.last == 0 ? part.first : all.first, part.last};
    }
  }
  if (all.last == 0) {
    throw ConfigError{"/proc/self/maps: no line of the heap (tests on a card need one)"};
  }
  return all;
}

/// \throws ConfigError  if the GPU has other addresses for it
void require_same_addresses(HeapRange const& heap) {
  auto* const first = reinterpret_cast<void*>(heap.first);
  void* there = nullptr;
  check(cudaHostGetDevicePointer(&there, first, 0), "cudaHostGetDevicePointer of the heap");
  if (there != first) {
    throw ConfigError{"the GPU has other addresses for the heap than the host"};
  }
}

}  // namespace

HeapRange grow_heap() {
  bool const is_set = mallopt(M_ARENA_MAX, 1) != 0 && mallopt(M_MMAP_MAX, 0) != 0 &&
                      mallopt(M_TRIM_THRESHOLD, 2 * (heap_bytes - 1)) != 0 &&
                      mallopt(M_TOP_PAD, heap_bytes) != 0;
  constexpr std::size_t more_than_is_left = std::size_t{1} << 22U;
  void* const memory = std::malloc(more_than_is_left);
  HeapRange const heap = find_heap();
  bool const is_inside = heap.has(memory);
  std::free(memory);
  if (!is_set || !is_inside || heap.last - heap.first < std::uintptr_t{heap_bytes}) {
    throw ConfigError{concat("the heap has ",
                             heap.last - heap.first,
                             " bytes (tests on a card need one of ",
                             heap_bytes,
                             ')')};
  }
  return heap;
}

void register_heap(HeapRange const& heap) {
  auto const code = cudaHostRegister(reinterpret_cast<void*>(heap.first),
                                     heap.last - heap.first,
                                     cudaHostRegisterPortable | cudaHostRegisterMapped);
  int reads_all = 0;
  check(cudaDeviceGetAttribute(&reads_all, cudaDevAttrPageableMemoryAccess, 0),
        "cudaDeviceGetAttribute");
  if (code == cudaSuccess || reads_all == 0) {
    check(code, "cudaHostRegister of the heap");
    require_same_addresses(heap);
  }
}

void require_heap(HeapRange const& heap, std::span<std::byte const> memory) {
  if (memory.empty()) {
    return;
  }
  if (!heap.has(memory.data()) || !heap.has(&memory.back())) {
    throw ConfigError{concat(
        "a test's memory of ", memory.size(), " bytes isn't of the heap (a card reads no other)")};
  }
  if (reinterpret_cast<std::uintptr_t>(sbrk(0)) > heap.last) {
    throw ConfigError{"the heap has grown beyond what a card reads of it (a test takes too much)"};
  }
}

}  // namespace talus::kernels::cuda
