// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/unique_handle.hpp"

namespace talus::kernels {

class MemoryOwner;

/// Memory of a backend.
struct Memory {
  void* address = nullptr;
  MemoryOwner* owner = nullptr;  ///< who takes it back; null: the system

  friend bool operator==(Memory const&, Memory const&) = default;
};

/// How UniqueHandle frees a backend's memory.
struct MemoryTraits {
  using native_type = Memory;

  static Memory null() noexcept { return {}; }

  static void destroy(Memory memory) noexcept;
};

/// Memory for `bytes` bytes that the context's operations can use: 64-byte aligned, in huge pages
/// where the system gives them, uninitialised. From the context's MemorySource, if it has one, or
/// its device, which must outlive it.
///
/// \throws OutOfMemory  naming the size
[[nodiscard]] UniqueHandle<MemoryTraits> allocate(ExecContext const& exec, std::int64_t bytes);

/// Owns an uninitialised array of `T` in the memory of a backend. Move-only.
template <class T>
class Buffer {
 public:
  Buffer() = default;

  Buffer(ExecContext const& exec, std::int64_t size)
      : memory_{allocate(exec, size * static_cast<std::int64_t>(sizeof(T)))}, size_{size} {}

  [[nodiscard]] T* data() noexcept { return static_cast<T*>(memory_.get().address); }

  [[nodiscard]] T const* data() const noexcept {
    return static_cast<T const*>(memory_.get().address);
  }

  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

  [[nodiscard]] std::int64_t bytes() const noexcept {
    return size_ * static_cast<std::int64_t>(sizeof(T));
  }

  [[nodiscard]] std::span<T> span() noexcept { return {data(), static_cast<std::size_t>(size_)}; }

  [[nodiscard]] std::span<T const> span() const noexcept {
    return {data(), static_cast<std::size_t>(size_)};
  }

 private:
  UniqueHandle<MemoryTraits> memory_;
  std::int64_t size_ = 0;
};

}  // namespace talus::kernels
