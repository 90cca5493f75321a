// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/rounded_input.hpp"

namespace talus::kernels::TALUS_TARGET {

std::int64_t padded_inputs(PanelProduct const& product) {
  std::int64_t blocks = 0;
  for (Segment const& segment : product.segments) {
    blocks += num_blocks(segment);
  }
  return blocks * tile_inputs;
}

std::int64_t packed_row_size(PanelProduct const& product) {
  return padded_inputs(product) / 2;
}

PanelGroups::PanelGroups(std::int64_t, std::int64_t out)
    : panels_{(out + num_lanes - 1) / num_lanes},
      count_{(panels_ + max_group_panels - 1) / max_group_panels} {}

}  // namespace talus::kernels::TALUS_TARGET
