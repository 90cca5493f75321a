// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/heap_memory.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <cuda_runtime_api.h>
#include <malloc.h>

#include "kernels/cuda/check.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

/// What the tests of a program may have allocated at a time.
constexpr int heap_bytes = 1 << 30;

/// As the system has it.
HeapRange find_heap() {
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with("[heap]")) {
      HeapRange range;
      char dash = 0;
      std::istringstream{line} >> std::hex >> range.first >> dash >> range.last;
      return range;
    }
  }
  throw ConfigError{"/proc/self/maps: no line of the heap (tests on a card need one)"};
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

void register_heap() {
  HeapRange const heap = grow_heap();
  check(cudaHostRegister(reinterpret_cast<void*>(heap.first),
                         heap.last - heap.first,
                         cudaHostRegisterPortable | cudaHostRegisterMapped),
        "cudaHostRegister of the heap");
}

}  // namespace talus::kernels::cuda
