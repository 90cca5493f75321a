// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/lanes/lanes.hpp"
#include "kernels/packed_weights.hpp"

/// \file
/// Where the weights of a panel lie: for each input, or for each two inputs of bfloat16, a row of
/// sixteen words of 32 bits, an output's each. Two weights that share a word are widened by a shift
/// and a mask, which leaves the units that multiply alone; and AMX wants them so.

namespace talus::kernels::TALUS_TARGET {

static_assert(PackedWeights::panel_outputs == num_lanes);

/// Inputs whose weights share a word.
template <class Weight>
inline constexpr int word_inputs = static_cast<int>(sizeof(float) / sizeof(Weight));

/// Elements of a panel of `in` inputs.
template <class Weight>
[[nodiscard]] constexpr std::int64_t panel_elements(std::int64_t in) noexcept {
  constexpr std::int64_t shared = word_inputs<Weight>;
  return (in + shared - 1) / shared * shared * num_lanes;
}

/// Where an output's weight of `input` lies in a panel.
template <class Weight>
[[nodiscard]] constexpr std::int64_t place_in_panel(std::int64_t input,
                                                    std::int64_t lane) noexcept {
  constexpr std::int64_t shared = word_inputs<Weight>;
  return (input / shared * num_lanes + lane) * shared + input % shared;
}

/// Weights of the `Index`th input of a row of words, widened.
template <int Index>
[[gnu::always_inline]] inline Lanes load_weights(float const* row) {
  return load(row);
}

template <int Index>
[[gnu::always_inline]] inline Lanes load_weights(std::uint16_t const* row) {
  Lanes result;
  for (int i = 0; i < native_parts; ++i) {
    NativeWords words;
    std::memcpy(&words, row + i * native_lanes * 2, sizeof words);
    result.part[i] = std::bit_cast<NativeFloats>(Index == 0 ? words << 16U : words & 0xFFFF0000U);
  }
  return result;
}

}  // namespace talus::kernels::TALUS_TARGET
