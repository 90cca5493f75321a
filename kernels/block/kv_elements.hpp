// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/detail/float8.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// The types that keys and values are stored in, and what an element's bits stand for, without its
/// scale.

namespace talus::kernels::block {

struct KvFloat {
  using Element = float;
  static constexpr DType dtype = DType::f32;

  [[nodiscard]] static constexpr float value(Element element) { return element; }
};

struct KvBfloat16 {
  using Element = std::uint16_t;
  static constexpr DType dtype = DType::bf16;

  [[nodiscard]] static constexpr float value(Element element) { return bf16_to_float(element); }
};

struct KvInt8 {
  using Element = std::uint8_t;
  static constexpr DType dtype = DType::i8;

  [[nodiscard]] static constexpr float value(Element element) {
    return static_cast<float>(static_cast<std::int8_t>(element));
  }
};

struct KvE4m3 {
  using Element = std::uint8_t;
  static constexpr DType dtype = DType::f8_e4m3;

  [[nodiscard]] static constexpr float value(Element element) {
    return detail::value_of_e4m3(element);
  }
};

/// Whether elements have scales.
template <class Kind>
inline constexpr bool has_scales = sizeof(typename Kind::Element) == 1;

/// Calls function(a type of the above).
template <class Function>
void with_kv_elements(DType dtype, Function const& function) {
  switch (dtype) {
    case DType::bf16:
      return function(KvBfloat16{});
    case DType::i8:
      return function(KvInt8{});
    case DType::f8_e4m3:
      return function(KvE4m3{});
    default:
      return function(KvFloat{});
  }
}

}  // namespace talus::kernels::block
