// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "kernels/block/code_layout.hpp"
#include "kernels/quantized.hpp"

namespace talus::kernels {

/// Codes and scales that tell their places apart.
[[nodiscard]] inline QuantizedMatrix some_codes(QuantFormat const& format,
                                                std::int64_t rows,
                                                std::int64_t cols) {
  std::mt19937 engine{static_cast<unsigned>(rows * 1000 + cols)};
  unsigned const codes = block::has_byte_codes(format.kind) ? 256 : 16;
  QuantizedMatrix w{format, rows, cols, {}, {}, {}};
  w.codes.resize(static_cast<std::size_t>(rows * cols));
  w.scales.resize(static_cast<std::size_t>(rows * groups_of(format, cols)));
  w.zeros.resize(format.zero_points ? w.scales.size() : 0);
  std::generate(w.codes.begin(), w.codes.end(), [&] {
    auto const code = static_cast<std::uint8_t>(engine() % codes);
    return code % 128 == 127 ? std::uint8_t{1} : code;  // no NaN of fp8
  });
  std::generate(w.scales.begin(), w.scales.end(), [&] {
    return std::ldexp(static_cast<float>(128 + engine() % 128), -12);
  });
  std::generate(
      w.zeros.begin(), w.zeros.end(), [&] { return static_cast<std::uint8_t>(engine() % codes); });
  return w;
}

}  // namespace talus::kernels
