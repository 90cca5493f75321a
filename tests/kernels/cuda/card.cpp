// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/card.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "kernels/cuda/library.hpp"

#include "tests/kernels/cuda/default_stream.hpp"
#include "tests/kernels/cuda/heap_memory.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr std::int64_t pool_bytes = std::int64_t{1} << 30;  // scratch memory of small tests

Module const& require_module() {
  Library const library = open_library(module_paths());
  Devices const devices =
      library.module == nullptr ? Devices{{}, library.reason} : library.module->devices();
  if (devices.found.empty()) {
    std::printf("skipped: no GPU (%s)\n", devices.reason.c_str());
    std::fflush(stdout);
    std::_Exit(skipped_code);
  }
  return *library.module;
}

/// Before main(): a test framework, and MPI, need not begin.
[[maybe_unused]] Module const* const module_of_program = &require_module();

/// Before main(), too: what tests allocate before their first operation is the heap's.
HeapRange const heap = grow_heap();

/// From before the first operation on, if the environment asks for it.
ForbiddenDefaultStream const* forbidden() {
  static std::unique_ptr<ForbiddenDefaultStream> const own =
      std::getenv(forbid_default_stream) == nullptr ? nullptr
                                                    : std::make_unique<ForbiddenDefaultStream>();
  return own.get();
}

}  // namespace

Card const& card() {
  static std::unique_ptr<Device> const device = [] {
    register_heap(heap);
    static_cast<void>(forbidden());
    return module_of_program->make_device({.number = 0, .pool_bytes = pool_bytes});
  }();
  static Card const found{module_of_program, device.get()};
  return found;
}

void check_reach(std::span<std::byte const> memory) {
  require_heap(heap, memory);
}

void check_default_stream() {
  if (ForbiddenDefaultStream const* const own = forbidden()) {
    own->check_capture();
  }
}

}  // namespace talus::kernels::cuda
