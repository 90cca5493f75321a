// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// \file
/// What the stand-in of cuBLASLt makes, and its numbers.

namespace talus::test::cublaslt {

inline constexpr int real_float = 0;  // CUDA_R_32F
inline constexpr int real_bf16 = 14;  // CUDA_R_16BF
inline constexpr int real_e4m3 = 28;  // CUDA_R_8F_E4M3

// Scaling.
inline constexpr std::int32_t by_scalar = 0;
inline constexpr std::int32_t by_vector = 3;     // OUTER_VEC_32F
inline constexpr std::int32_t by_vector128 = 4;  // VEC128_32F
inline constexpr std::int32_t by_block128 = 5;   // BLK128x128_32F

struct Object {
  virtual ~Object() = default;
};

struct Handle final : Object {};

struct Layout final : Object {
  int type = -1;
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  std::int64_t stride = 0;

  [[nodiscard]] bool is(int wanted_type,
                        std::uint64_t wanted_rows,
                        std::uint64_t wanted_cols) const {
    return type == wanted_type && rows == wanted_rows && cols == wanted_cols &&
           stride >= static_cast<std::int64_t>(rows);
  }
};

struct Product final : Object {
  std::int32_t transposes_a = 0;
  std::int32_t transposes_b = 0;
  std::int32_t epilogue = 1;  // CUBLASLT_EPILOGUE_DEFAULT
  std::int32_t bias_type = -1;
  float const* bias = nullptr;
  std::int32_t scaling_a = 0;  // CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F
  std::int32_t scaling_b = 0;
  float const* scales_a = nullptr;
  float const* scales_b = nullptr;
};

struct Preference final : Object {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t alignments[4] = {256, 256, 256, 256};
};

}  // namespace talus::test::cublaslt
