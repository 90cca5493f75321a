// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/lanes/lanes.hpp"
#include "kernels/lanes/panel_product.hpp"
#include "kernels/x86/tile_layout.hpp"

/// \file
/// x rounded to bfloat16, in blocks as tile_layout.hpp says.

namespace talus::kernels::TALUS_TARGET {

/// Panels that share a pass over the rows of x.
inline constexpr std::int64_t max_group_panels = 4;

/// Inputs of a packed row.
[[nodiscard]] std::int64_t padded_inputs(PanelProduct const& product);

/// Inputs [input, input + 32) of a row that lie in the segment, as bfloat16; zeros for the others.
inline void pack_row(float const* row,
                     Segment const& segment,
                     std::int64_t input,
                     std::uint16_t* to) {
  std::int64_t const first = std::max(segment.first, input);
  std::int64_t const last = std::min(segment.last, input + tile_inputs);
  if (last - first == tile_inputs) {
    store_bf16(to, load(row + first));
    return store_bf16(to + num_lanes, load(row + first + num_lanes));
  }
  float values[tile_inputs] = {};
  for (std::int64_t i = first; i < last; ++i) {
    values[i - input] = row[i];
  }
  store_bf16(to, load(values));
  store_bf16(to + num_lanes, load(values + num_lanes));
}

}  // namespace talus::kernels::TALUS_TARGET
