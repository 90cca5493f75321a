// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/lanes/lanes.hpp"

/// \file
/// The words of 32 bits in which a KV cache keeps its elements. A type of element is `float`, or
/// the unsigned integer that holds its bits (std::uint16_t: bfloat16).

namespace talus::kernels::TALUS_TARGET {

/// Elements of a word.
template <class Element>
inline constexpr int word_elements = static_cast<int>(sizeof(float) / sizeof(Element));

/// Element `index` of each word, widened.
template <class Element>
[[gnu::always_inline]] inline NativeFloats widened(NativeWords words, int index) {
  if constexpr (std::is_same_v<Element, float>) {
    return std::bit_cast<NativeFloats>(words);
  } else {
    static_assert(std::is_same_v<Element, std::uint16_t>);
    return std::bit_cast<NativeFloats>(index == 0 ? words << 16U : words & 0xFFFF0000U);
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
