// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/quantized.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::detail {

/// How a row of keys or values becomes codes of eight bits: every backend stores the same ones.
class KvCoder {
 public:
  /// \param dtype  i8 or f8_e4m3
  KvCoder(float const* row, std::int64_t count, DType dtype) : is_float_{dtype != DType::i8} {
    // Bits of magnitudes order as they do, and NaN's beyond all others'.
    std::uint32_t most = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      most = std::max(most, std::bit_cast<std::uint32_t>(row[i]) & 0x7FFFFFFFU);
    }
    auto const greatest = std::bit_cast<float>(most);
    float const greatest_code = is_float_ ? 448.0F : 127.0F;
    scale_ = greatest / greatest_code;
    // What is too small to be divided by, or isn't finite, leaves all to the scale.
    is_plain_ = greatest >= least_magnitude && std::isfinite(greatest);
    factor_ = is_plain_ ? greatest_code / greatest : 0.0F;
    if (greatest < least_magnitude) {
      scale_ = 0.0F;
    }
  }

  [[nodiscard]] float scale() const noexcept { return scale_; }

  /// The code of an element of the row, as its bits.
  [[nodiscard]] std::uint8_t code(float value) const noexcept {
    if (!is_plain_) {
      return 0;
    }
    if (is_float_) {
      return float_to_e4m3(value * factor_);
    }
    return static_cast<std::uint8_t>(static_cast<std::int8_t>(std::nearbyint(value * factor_)));
  }

 private:
  static constexpr float least_magnitude = 0x1p-96F;

  bool is_float_;
  bool is_plain_ = false;
  float scale_ = 0.0F;
  float factor_ = 0.0F;
};

/// The value of a code of eight bits, without its scale.
[[nodiscard]] inline float kv_code_value(std::uint8_t code, DType dtype) noexcept {
  return dtype == DType::i8 ? static_cast<float>(static_cast<std::int8_t>(code))
                            : e4m3_to_float(code);
}

}  // namespace talus::kernels::detail
