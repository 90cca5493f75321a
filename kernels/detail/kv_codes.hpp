// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/quantized.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::detail {

/// How a row of keys or values with a greatest magnitude becomes codes of eight bits: every backend
/// stores the same ones.
class KvScale {
 public:
  /// \param greatest  of the row's magnitudes; NaN if one is
  /// \param dtype     i8 or f8_e4m3
  constexpr KvScale(float greatest, DType dtype) noexcept : is_float_{dtype != DType::i8} {
    float const greatest_code = is_float_ ? 448.0F : 127.0F;
    // What is too small to be divided by, or isn't finite, leaves all to the scale.
    is_plain_ = greatest >= least_magnitude && greatest <= std::numeric_limits<float>::max();
    scale_ = greatest < least_magnitude ? 0.0F : greatest / greatest_code;
    factor_ = is_plain_ ? greatest_code / greatest : 0.0F;
  }

  [[nodiscard]] constexpr float scale() const noexcept { return scale_; }

  [[nodiscard]] constexpr bool is_float() const noexcept { return is_float_; }

  [[nodiscard]] constexpr bool is_plain() const noexcept { return is_plain_; }

  /// What elements are multiplied with to become codes.
  [[nodiscard]] constexpr float factor() const noexcept { return factor_; }

 private:
  static constexpr float least_magnitude = 0x1p-96F;

  bool is_float_;
  bool is_plain_ = false;
  float scale_ = 0.0F;
  float factor_ = 0.0F;
};

/// The codes of one row.
class KvCoder {
 public:
  /// \param dtype  i8 or f8_e4m3
  KvCoder(float const* row, std::int64_t count, DType dtype)
      : scale_{greatest_magnitude(row, count), dtype} {}

  [[nodiscard]] float scale() const noexcept { return scale_.scale(); }

  /// The code of an element of the row, as its bits.
  [[nodiscard]] std::uint8_t code(float value) const noexcept {
    if (!scale_.is_plain()) {
      return 0;
    }
    if (scale_.is_float()) {
      return float_to_e4m3(value * scale_.factor());
    }
    return static_cast<std::uint8_t>(
        static_cast<std::int8_t>(std::nearbyint(value * scale_.factor())));
  }

 private:
  static float greatest_magnitude(float const* row, std::int64_t count) noexcept {
    // Bits of magnitudes order as they do, and NaN's beyond all others'.
    std::uint32_t most = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      most = std::max(most, std::bit_cast<std::uint32_t>(row[i]) & 0x7FFFFFFFU);
    }
    return std::bit_cast<float>(most);
  }

  KvScale scale_;
};

/// The value of a code of eight bits, without its scale.
[[nodiscard]] inline float kv_code_value(std::uint8_t code, DType dtype) noexcept {
  return dtype == DType::i8 ? static_cast<float>(static_cast<std::int8_t>(code))
                            : e4m3_to_float(code);
}

}  // namespace talus::kernels::detail
