// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/lanes/lanes.hpp"

/// \file
/// The words of 32 bits in which a KV cache keeps its elements. A type of element is `float`, the
/// unsigned integer that holds a float's bits (std::uint16_t: bfloat16, std::uint8_t: e4m3), or
/// std::int8_t. Those of eight bits are codes, which have scales.

namespace talus::kernels::TALUS_TARGET {

/// Elements of a word.
template <class Element>
inline constexpr int word_elements = static_cast<int>(sizeof(float) / sizeof(Element));

template <class Element>
inline constexpr bool has_scales = sizeof(Element) == 1;

/// Calls function(std::type_identity<Element>) with the type of a cache's elements.
template <class Function>
void with_kv_element(DType dtype, Function const& function) {
  switch (dtype) {
    case DType::f32:
      return function(std::type_identity<float>{});
    case DType::i8:
      return function(std::type_identity<std::int8_t>{});
    case DType::f8_e4m3:
      return function(std::type_identity<std::uint8_t>{});
    default:
      return function(std::type_identity<std::uint16_t>{});  // bfloat16: see check_kv_shape
  }
}

/// 2^-120 times element `index` of each word, an e4m3: sign, four bits of exponent and three of
/// fraction, where a float has them. Its exponent is counted from 127, e4m3's from 7; e4m3's
/// subnormal numbers come out right, too.
[[gnu::always_inline]] inline NativeFloats small_e4m3(NativeWords words, int index) {
  auto const upper = std::bit_cast<NativeInts>(words << static_cast<std::uint32_t>(24 - 8 * index));
  return std::bit_cast<NativeFloats>((upper >> 4) & static_cast<std::int32_t>(0x87F00000U));
}

/// Element `index` of each word, widened; a code without its scale.
template <class Element>
[[gnu::always_inline]] inline NativeFloats widened(NativeWords words, int index) {
  if constexpr (std::is_same_v<Element, float>) {
    return std::bit_cast<NativeFloats>(words);
  } else if constexpr (std::is_same_v<Element, std::uint16_t>) {
    return std::bit_cast<NativeFloats>(index == 0 ? words << 16U : words & 0xFFFF0000U);
  } else if constexpr (std::is_same_v<Element, std::int8_t>) {
    auto const upper =
        std::bit_cast<NativeInts>(words << static_cast<std::uint32_t>(24 - 8 * index));
    return __builtin_convertvector(upper >> 24, NativeFloats);
  } else {
    static_assert(std::is_same_v<Element, std::uint8_t>);
    return small_e4m3(words, index) * 0x1p120F;
  }
}

/// Sixteen words.
struct Words {
  NativeWords part[native_parts];

  template <class Element>
  [[gnu::always_inline]] Lanes element(int index) const {
    return map([index](NativeWords words) { return widened<Element>(words, index); }, *this);
  }
};

template <class Element>
[[gnu::always_inline]] inline Words load_words(Element const* from) {
  Words result;
  for (int i = 0; i < native_parts; ++i) {
    std::memcpy(
        &result.part[i], from + i * native_lanes * word_elements<Element>, sizeof result.part[i]);
  }
  return result;
}

/// Widens `count` times sixteen words, `stride` elements apart, to rows of sixteen floats.
template <class Element>
inline void widen_words(Element const* from,
                        std::int64_t stride,
                        std::int64_t count,
                        float* to,
                        std::int64_t to_stride = num_lanes) {
  for (std::int64_t i = 0; i < count; ++i) {
    Words const words = load_words(from + i * stride);
    for (int k = 0; k < word_elements<Element>; ++k) {
      store(to, words.template element<Element>(k));
      to += to_stride;
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
