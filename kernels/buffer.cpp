// SPDX-License-Identifier: Apache-2.0
#include "kernels/buffer.hpp"

#include <cstdlib>

#include <sys/mman.h>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {
namespace {

constexpr std::int64_t cache_line = 64;
constexpr std::int64_t huge_page = std::int64_t{2} << 20;

}  // namespace

void MemoryTraits::destroy(void* memory) noexcept {
  std::free(memory);
}

UniqueHandle<MemoryTraits> allocate(ExecContext const&, std::int64_t bytes) {
  TALUS_EXPECT(bytes >= 0);
  if (bytes == 0) {
    return {};
  }
  // Both backends compute on the host. Small pieces don't get pages of their own.
  std::int64_t const alignment = bytes >= huge_page ? huge_page : cache_line;
  std::int64_t const rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory =
      std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(rounded));
  if (memory == nullptr) {
    throw OutOfMemory{concat("allocate: ", bytes, " bytes (the system has not that much left)")};
  }
#ifdef MADV_HUGEPAGE
  if (alignment == huge_page) {
    // Only a hint: where it is refused, small pages serve.
    static_cast<void>(madvise(memory, static_cast<std::size_t>(rounded), MADV_HUGEPAGE));
  }
#endif
  return UniqueHandle<MemoryTraits>{memory};
}

}  // namespace talus::kernels
