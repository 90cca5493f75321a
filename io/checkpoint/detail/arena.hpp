// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace talus::io::detail {

/// A fixed amount of memory, from which buffers are taken: what bounds the host memory of loading.
///
/// The lowest free place that fits is taken, so that memory which was never needed is never
/// touched. After any calls a buffer fits if it and all others now taken are at most a quarter of
/// the capacity each, and at most one other is taken.
class Arena {
 public:
  explicit Arena(std::int64_t capacity);

  Arena(Arena const&) = delete;
  Arena& operator=(Arena const&) = delete;

  /// A buffer, given back when destroyed; the arena outlives it.
  class Buffer {
   public:
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

   private:
    friend class Arena;

    Buffer(Arena* arena, std::span<std::byte> bytes) : arena_{arena}, bytes_{bytes} {}

    Arena* arena_;
    std::span<std::byte> bytes_;
  };

  /// A buffer of `bytes` bytes, not initialised; nothing if there is no room for it now.
  /// \pre bytes > 0
  [[nodiscard]] std::optional<Buffer> take(std::int64_t bytes);

  /// Length of the stretch of memory that was ever used.
  [[nodiscard]] std::int64_t peak_bytes() const noexcept { return peak_; }

 private:
  void give_back(std::byte const* data) noexcept;

  std::int64_t capacity_;
  std::unique_ptr<std::byte[]> memory_;
  std::map<std::int64_t, std::int64_t> taken_;  // first byte to end
  std::int64_t peak_ = 0;
};

}  // namespace talus::io::detail
