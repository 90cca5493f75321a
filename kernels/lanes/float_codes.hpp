// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/lanes/quantized_product.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Whether codes are floats, which x is multiplied with as it is.
[[nodiscard]] constexpr bool are_floats(QuantKind kind) noexcept {
  return kind == QuantKind::fp8_e4m3;
}

/// As multiply_codes(), of fp8 and x in float32: a weight is its code's value times its scale,
/// rounded once, and y += x * weight, fused, input after input.
void multiply_float_codes(CodeProduct const& product,
                          std::int64_t first_panel,
                          std::int64_t last_panel);

}  // namespace talus::kernels::TALUS_TARGET
