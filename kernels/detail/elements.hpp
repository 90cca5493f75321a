// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/base/dtype.hpp"

namespace talus::kernels::detail {

/// Element `index` of an array of `dtype` (f32, f16, bf16, f64), as float32.
[[nodiscard]] inline float load_element(std::byte const* data, DType dtype, std::int64_t index) {
  std::byte const* const from = data + index * size_of(dtype);
  if (dtype == DType::f32) {
    float value = 0.0F;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  if (dtype == DType::f64) {
    double value = 0.0;
    std::memcpy(&value, from, sizeof value);
    return static_cast<float>(value);
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, from, sizeof bits);
  return dtype == DType::bf16 ? bf16_to_float(bits) : f16_to_float(bits);
}

/// Stores `value` as element `index` of an array of `dtype` (f32, or bf16 rounded to nearest).
inline void store_element(std::byte* data, DType dtype, std::int64_t index, float value) {
  std::byte* const to = data + index * size_of(dtype);
  if (dtype == DType::f32) {
    std::memcpy(to, &value, sizeof value);
    return;
  }
  std::uint16_t const bits = float_to_bf16(value);
  std::memcpy(to, &bits, sizeof bits);
}

}  // namespace talus::kernels::detail
