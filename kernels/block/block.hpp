// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/rounding.hpp"

/// \file
/// What kernel bodies for GPUs are written in: README.md of this folder says what a block offers.

/// Marks what nvcc compiles for GPUs, and other compilers for the host. (nvcc takes constexpr
/// functions for both, as it is told to.)
#if defined(__CUDACC__)
#define TALUS_DEVICE __device__
#else
#define TALUS_DEVICE
#endif

/// Before a loop over registers: an array is in registers only if its indices are constants.
#if defined(__CUDACC__)
#define TALUS_UNROLL _Pragma("unroll")
#else
#define TALUS_UNROLL
#endif

namespace talus::kernels::block {

inline constexpr int warp_size = 32;
inline constexpr int max_block_threads = 1024;

/// The place of a block in the grid, or the grid's size.
struct Dim3 {
  std::int64_t x = 1;  ///< up to 2^31 - 1
  std::int64_t y = 1;  ///< up to 65535, as z
  std::int64_t z = 1;

  friend bool operator==(Dim3 const&, Dim3 const&) = default;
};

/// How many blocks of how many threads run a kernel.
struct LaunchShape {
  Dim3 grid;
  int threads = warp_size;        ///< of a block, a multiple of warp_size
  std::int64_t shared_bytes = 0;  ///< of a block's shared memory
};

/// An array in the device's memory.
template <class T>
struct GlobalSpan {
  T* data = nullptr;
  std::int64_t size = 0;
};

/// An array in the shared memory of a block.
template <class T>
struct SharedSpan {
  std::int32_t offset = 0;  ///< bytes from the beginning of the block's shared memory
  std::int32_t size = 0;
  std::int32_t number = 0;  ///< of its first element among all of the block, for the emulation
};

/// `Size` elements that are read or written at once, by one instruction if they have 16 bytes.
template <class T, int Size>
struct alignas(sizeof(T) * Size) Vector {
  T values[std::size_t{Size}];

  [[nodiscard]] constexpr T& operator[](int i) { return values[i]; }

  [[nodiscard]] constexpr T const& operator[](int i) const { return values[i]; }
};

/// How many elements a load or a store is of.
template <int Size>
struct Width {};

template <int Size>
inline constexpr Width<Size> width{};

/// Elements [first, first + size) of an array in shared memory.
template <class T>
[[nodiscard]] constexpr SharedSpan<T> part_of(SharedSpan<T> span,
                                              std::int32_t first,
                                              std::int32_t size) noexcept {
  return {span.offset + first * static_cast<std::int32_t>(sizeof(T)), size, span.number + first};
}

/// The next array of `size` elements in the block's shared memory. All threads ask for the same
/// arrays in the same order.
template <class T, class Block>
[[nodiscard]] TALUS_DEVICE SharedSpan<T> shared_array(Block& block, std::int64_t size) {
  return block.template shared<T>(size);
}

/// Bytes of shared memory that an array takes: arrays begin at multiples of 16.
template <class T>
[[nodiscard]] constexpr std::int64_t shared_bytes_of(std::int64_t size) noexcept {
  return round_up(size * static_cast<std::int64_t>(sizeof(T)), 16);
}

}  // namespace talus::kernels::block
