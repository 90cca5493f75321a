// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/family.hpp"

// Qwen3, dense: grouped-query attention with a norm on each query and key head, SwiGLU.
// Reference: Qwen Team, "Qwen3 Technical Report", 2025, section 2.

namespace talus::runtime {

void read_qwen3(ConfigFields const& config, ModelSpec& spec) {
  LayerSpec layer;
  layer.attention = read_grouped_query(config, spec);
  layer.attention.qk_norm = true;
  layer.feed_forward.intermediate = config.size("intermediate_size");
  for (LayerSpec& each : spec.layers) {
    each = layer;
  }
}

}  // namespace talus::runtime
