// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/base/dtype.hpp"

namespace talus::kernels::TALUS_TARGET {

/// What the eight tile registers hold: up to sixteen rows of up to 64 bytes each.
struct TileShapes {
  std::uint8_t rows[8] = {};
  std::uint8_t row_bytes[8] = {64, 64, 64, 64, 64, 64, 64, 64};

  friend bool operator==(TileShapes const&, TileShapes const&) = default;
};

#if TALUS_EMULATES_TILES

/// The tile registers of AMX in plain C++, for tests on processors that have none: the same
/// products in the same order, each rounded after multiplication and after addition.
class TileRegisters {
 public:
  void configure(TileShapes const& shapes) { shapes_ = shapes; }

  template <int T>
  void zero() {
    std::memset(tiles_[T], 0, sizeof tiles_[T]);
  }

  template <int T>
  void load(void const* from, std::int64_t stride) {
    for (int row = 0; row < shapes_.rows[T]; ++row) {
      std::memcpy(
          tiles_[T][row], static_cast<std::byte const*>(from) + row * stride, shapes_.row_bytes[T]);
    }
  }

  template <int T>
  void store(void* to, std::int64_t stride) const {
    for (int row = 0; row < shapes_.rows[T]; ++row) {
      std::memcpy(static_cast<std::byte*>(to) + row * stride, tiles_[T][row], shapes_.row_bytes[T]);
    }
  }

  /// C += A B: C [rows, 16] float32, A [rows, 2 k] bfloat16, B [k, 16, 2] bfloat16.
  template <int C, int A, int B>
  void multiply() {
    for (int row = 0; row < shapes_.rows[C]; ++row) {
      for (int pair = 0; pair < shapes_.row_bytes[A] / 4; ++pair) {
        for (int col = 0; col < 16; ++col) {
          for (int i = 0; i < 2; ++i) {
            at<C, float>(row, col) += half<A>(row, 2 * pair + i) * half<B>(pair, 2 * col + i);
          }
        }
      }
    }
  }

  /// C += A B: C [rows, 16] int32, A [rows, 4 k] with a sign, B [k, 16, 4] without one.
  template <int C, int A, int B>
  void multiply_bytes() {
    for (int row = 0; row < shapes_.rows[C]; ++row) {
      for (int k = 0; k < shapes_.row_bytes[A] / 4; ++k) {
        for (int col = 0; col < 16; ++col) {
          for (int i = 0; i < 4; ++i) {
            at<C, std::int32_t>(row, col) +=
                at<A, std::int8_t>(row, 4 * k + i) * at<B, std::uint8_t>(k, 4 * col + i);
          }
        }
      }
    }
  }

 private:
  template <int T, class Element>
  [[nodiscard]] Element& at(int row, int col) {
    return reinterpret_cast<Element*>(tiles_[T][row])[col];
  }

  template <int T>
  [[nodiscard]] float half(int row, int col) const {
    std::uint16_t bits = 0;
    std::memcpy(&bits, tiles_[T][row] + 2 * col, sizeof bits);
    return bf16_to_float(bits);
  }

  TileShapes shapes_;
  alignas(64) std::byte tiles_[8][16][64] = {};
};

#else

/// The tile registers of this thread's core, as Intel's Advanced Matrix Extensions have them.
///
/// The compiler uses none of them, so nothing but this object touches them while it lives; the
/// instructions are written out, since compilers know them by literal numbers only.
///
/// Reference: Intel, "Architecture Instruction Set Extensions Programming Reference", chapter 3.
class TileRegisters {
 public:
  TileRegisters() = default;
  TileRegisters(TileRegisters const&) = delete;
  TileRegisters& operator=(TileRegisters const&) = delete;

  /// Frees the registers: a thread that holds tiles costs the system more to switch.
  ~TileRegisters() { asm volatile("tilerelease"); }

  void configure(TileShapes const& shapes) {
    if (shapes == shapes_) {
      return;
    }
    shapes_ = shapes;

    struct alignas(64) {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::uint8_t reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } memory;

    static_assert(sizeof memory == 64);
    for (int tile = 0; tile < 8; ++tile) {
      memory.rows[tile] = shapes.rows[tile];
      memory.row_bytes[tile] = shapes.rows[tile] > 0 ? shapes.row_bytes[tile] : 0;
    }
    asm volatile("ldtilecfg %0" ::"m"(memory));
  }

  template <int T>
  void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(T));
  }

  template <int T>
  void load(void const* from, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(T) : "memory");
  }

  template <int T>
  void store(void* to, std::int64_t stride) const {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(T) : "memory");
  }

  /// C += A B: C [rows, 16] float32, A [rows, 2 k] bfloat16, B [k, 16, 2] bfloat16.
  template <int C, int A, int B>
  void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }

  /// C += A B: C [rows, 16] int32, A [rows, 4 k] with a sign, B [k, 16, 4] without one.
  template <int C, int A, int B>
  void multiply_bytes() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }

 private:
  TileShapes shapes_;
};

#endif

}  // namespace talus::kernels::TALUS_TARGET
