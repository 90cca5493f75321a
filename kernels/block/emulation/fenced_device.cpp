// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/fenced_device.hpp"

#include <cerrno>
#include <cstring>

#include <sys/mman.h>

#include "runtime/base/error.hpp"

namespace talus::kernels::block::emulation {
namespace {

Pages map_pages(std::int64_t bytes) {
  auto const size = static_cast<std::size_t>(bytes);
  void* const first =
      mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (first == MAP_FAILED) {
    throw OutOfMemory{concat("fenced memory: ", bytes, " bytes: ", std::strerror(errno))};
  }
  return {static_cast<std::byte*>(first), size};
}

/// Memory that is open for a scope.
class Opened {
 public:
  explicit Opened(FencedDevice& device) : device_{device} { device.open(); }

  ~Opened() { device_.close(); }

  Opened(Opened const&) = delete;
  Opened& operator=(Opened const&) = delete;

 private:
  FencedDevice& device_;
};

}  // namespace

void PagesTraits::destroy(Pages pages) noexcept {
  static_cast<void>(munmap(pages.first, pages.bytes));
}

FencedDevice::FencedDevice(std::int64_t bytes) : pages_{map_pages(bytes)}, pool_{bytes} {}

void FencedDevice::open() {
  if (mprotect(pages_.get().first, pages_.get().bytes, PROT_READ | PROT_WRITE) != 0) {
    throw ApiError{"mprotect of fenced memory", errno, SourceLocation::current()};
  }
}

void FencedDevice::close() noexcept {
  static_cast<void>(mprotect(pages_.get().first, pages_.get().bytes, PROT_NONE));
}

void* FencedDevice::allocate(std::int64_t bytes) {
  auto const offset = pool_.take(bytes);
  if (!offset) {
    throw OutOfMemory{concat("fenced memory: ",
                             bytes,
                             " bytes (of ",
                             pool_.size(),
                             ", at most ",
                             pool_.largest_free(),
                             " are free in one piece)")};
  }
  Opened const opened{*this};
  std::byte* const memory = pages_.get().first + *offset;
  std::memset(memory, 0xFF, static_cast<std::size_t>(bytes));
  return memory;
}

void FencedDevice::release(void* memory) noexcept {
  pool_.give_back(static_cast<std::byte*>(memory) - pages_.get().first);
}

void FencedDevice::upload(void const* host, void* to, std::int64_t bytes) {
  Opened const opened{*this};
  std::memcpy(to, host, static_cast<std::size_t>(bytes));
}

void FencedDevice::download(void const* from, void* host, std::int64_t bytes) {
  Opened const opened{*this};
  std::memcpy(host, from, static_cast<std::size_t>(bytes));
}

void FencedDevice::copy(void const* from, void* to, std::int64_t bytes) {
  Opened const opened{*this};
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void FencedDevice::clear(void* memory, std::int64_t bytes) {
  Opened const opened{*this};
  std::memset(memory, 0, static_cast<std::size_t>(bytes));
}

void const* FencedDevice::checked_mirror(std::span<std::byte const> host) const {
  void const* const mirror = find_mirror(host.data(), static_cast<std::int64_t>(host.size()));
  if (mirror != nullptr && std::memcmp(mirror, host.data(), host.size()) != 0) {
    throw ConfigError{concat("mirror of ", host.size(), " bytes (changed since it was published)")};
  }
  return mirror;
}

}  // namespace talus::kernels::block::emulation
