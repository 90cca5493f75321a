// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace talus::io {

/// A bounded queue from one producer thread to one consumer thread, without locks.
///
/// Memory is taken once, by the constructor; neither side ever waits for the other.
///
/// \tparam T  trivially copyable and default-constructible
template <class T>
class SpscQueue {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// \param capacity  items that fit; rounded up to a power of two, at least 1
  explicit SpscQueue(std::size_t capacity)
      : slots_(std::bit_ceil(capacity)), mask_{slots_.size() - 1} {}

  /// Appends a copy of `item`; returns false, and keeps nothing, if the queue is full.
  /// Only the producer thread calls it.
  [[nodiscard]] bool push(T const& item) noexcept {
    std::size_t const tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == slots_.size()) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == slots_.size()) {
        return false;
      }
    }
    slots_[tail & mask_] = item;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Takes the oldest item; returns false, and leaves `item`, if the queue is empty.
  /// Only the consumer thread calls it.
  [[nodiscard]] bool pop(T& item) noexcept {
    std::size_t const head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) {
        return false;
      }
    }
    item = slots_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  /// Items that fit.
  [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  // Each side's counters lie on a cache line of their own, so that a push doesn't make the
  // consumer's line travel, except when the copy of the other side's counter is used up.
  static constexpr std::size_t line_bytes = 64;

  std::vector<T> slots_;
  std::size_t mask_;
  alignas(line_bytes) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;  // the consumer's copy of tail_
  alignas(line_bytes) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;  // the producer's copy of head_
};

}  // namespace talus::io
