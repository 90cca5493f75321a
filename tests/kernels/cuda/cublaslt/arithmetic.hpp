// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "tests/kernels/cuda/cublaslt/objects.hpp"

/// \file
/// What the stand-in of cuBLASLt computes.

namespace talus::test::cublaslt {

inline float from_bf16(std::uint16_t bits) {
  std::uint32_t const word = std::uint32_t{bits} << 16U;
  float value = 0.0F;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

inline float from_e4m3(std::uint8_t code) {
  int const exponent = code >> 3 & 15;
  int const fraction = code & 7;
  if (exponent == 15 && fraction == 7) {
    return NAN;
  }
  float const magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(fraction), -9)
                              : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
  return code >= 128 ? -magnitude : magnitude;
}

/// d(row, column) = the sum of term(row, column, input), from the last input to the first: other
/// bits than in order.
template <class Term>
void sum_terms(std::uint64_t inputs, Layout const& ld, float* d, Term const& term) {
  for (std::uint64_t column = 0; column < ld.cols; ++column) {
    for (std::uint64_t row = 0; row < ld.rows; ++row) {
      float sum = 0.0F;
      for (std::uint64_t i = inputs; i-- > 0;) {
        sum += term(row, column, i);
      }
      d[column * static_cast<std::uint64_t>(ld.stride) + row] = sum;
    }
  }
}

/// Input `i` of row `r` of op(a), or of column r of b.
template <class Element>
Element element_of(Layout const& layout, Element const* from, std::uint64_t r, std::uint64_t i) {
  return from[r * static_cast<std::uint64_t>(layout.stride) + i];
}

inline void compute(Product const& product,
                    Layout const& la,
                    std::uint16_t const* a,
                    Layout const& lb,
                    std::uint16_t const* b,
                    Layout const& ld,
                    float* d) {
  sum_terms(la.rows, ld, d, [&](std::uint64_t row, std::uint64_t column, std::uint64_t i) {
    return from_bf16(element_of(la, a, row, i)) * from_bf16(element_of(lb, b, column, i));
  });
  for (std::uint64_t column = 0; product.epilogue == 4 && column < ld.cols; ++column) {
    for (std::uint64_t row = 0; row < ld.rows; ++row) {
      d[column * static_cast<std::uint64_t>(ld.stride) + row] += product.bias[row];
    }
  }
}

/// The scale of an element: input i of row `r` of `rows` of op(a), or of column r of b.
inline float scale_of(std::int32_t scaling,
                      float const* scales,
                      std::uint64_t r,
                      std::uint64_t i,
                      Layout const& layout) {
  std::uint64_t const blocks = (layout.rows + 127) / 128;
  switch (scaling) {
    case by_vector:
      return scales[r];
    case by_vector128:
      return scales[i / 128 * layout.cols + r];
    case by_block128:
      return scales[r / 128 * ((blocks + 3) / 4 * 4) + i / 128];
    default:
      return scales == nullptr ? 1.0F : scales[0];
  }
}

inline void compute_codes(Product const& product,
                          Layout const& la,
                          std::uint8_t const* a,
                          Layout const& lb,
                          std::uint8_t const* b,
                          Layout const& ld,
                          float* d) {
  sum_terms(la.rows, ld, d, [&](std::uint64_t row, std::uint64_t column, std::uint64_t i) {
    float const scale = scale_of(product.scaling_a, product.scales_a, row, i, la) *
                        scale_of(product.scaling_b, product.scales_b, column, i, lb);
    return scale * (from_e4m3(element_of(la, a, row, i)) * from_e4m3(element_of(lb, b, column, i)));
  });
}

}  // namespace talus::test::cublaslt
