// SPDX-License-Identifier: Apache-2.0
#include "kernels/buffer.hpp"

#include <cstdlib>

#include <sys/mman.h>

#include "kernels/device.hpp"
#include "kernels/memory_source.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {
namespace {

constexpr std::int64_t cache_line = 64;
constexpr std::int64_t huge_page = std::int64_t{2} << 20;

/// What a MemorySource gives, it keeps: nothing of it is needed when a buffer ends, which may be
/// after the source did.
class SourceKeeps final : public MemoryOwner {
 public:
  void release(void* /*memory*/) noexcept override {}
};

MemoryOwner& source_keeps() noexcept {
  static SourceKeeps none;
  return none;
}

}  // namespace

void MemoryTraits::destroy(Memory memory) noexcept {
  if (memory.owner != nullptr) {
    memory.owner->release(memory.address);
  } else {
    std::free(memory.address);
  }
}

UniqueHandle<MemoryTraits> allocate(ExecContext const& exec, std::int64_t bytes) {
  TALUS_EXPECT(bytes >= 0);
  if (bytes == 0) {
    return {};
  }
  if (void* const given = exec.memory != nullptr ? exec.memory->take(bytes) : nullptr;
      given != nullptr) {
    return UniqueHandle<MemoryTraits>{{given, &source_keeps()}};
  }
  if (exec.device != nullptr) {
    return UniqueHandle<MemoryTraits>{{exec.device->allocate(bytes), exec.device}};
  }
  // Small pieces don't get pages of their own.
  bool const is_large = bytes >= huge_page;
  void* memory = nullptr;
  if (posix_memalign(&memory,
                     static_cast<std::size_t>(is_large ? huge_page : cache_line),
                     static_cast<std::size_t>(bytes)) != 0) {
    throw OutOfMemory{concat("allocate: ", bytes, " bytes (the system has not that much left)")};
  }
#ifdef MADV_HUGEPAGE
  if (is_large) {
    // Whole huge pages only, so that none is spent on a remainder. A hint: where it is refused,
    // small pages serve.
    std::int64_t const whole = bytes / huge_page * huge_page;
    static_cast<void>(madvise(memory, static_cast<std::size_t>(whole), MADV_HUGEPAGE));
  }
#endif
  return UniqueHandle<MemoryTraits>{{memory, nullptr}};
}

}  // namespace talus::kernels
