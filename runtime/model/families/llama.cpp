// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/family.hpp"

// Llama 3 (model_type "llama"): grouped-query attention, SwiGLU, the llama3 rope scaling.
// Reference: Llama Team, "The Llama 3 Herd of Models", 2024, section 3.2.

namespace talus::runtime {

void read_llama(ConfigFields const& config, ModelSpec& spec) {
  LayerSpec layer;
  layer.attention = read_grouped_query(config, spec);
  layer.feed_forward.intermediate = config.size("intermediate_size");
  for (LayerSpec& each : spec.layers) {
    each = layer;
  }
}

}  // namespace talus::runtime
