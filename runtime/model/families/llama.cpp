// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Llama 2 and 3 (model_type "llama"), and what was made in their shape: grouped-query attention,
// SwiGLU, biases if the config asks for them. References: H. Touvron et al., "Llama 2", 2023; Llama
// Team, "The Llama 3 Herd of Models", 2024, section 3.2.

namespace talus::runtime {

void read_llama(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec const attention = read_grouped_query(config, spec);
  bool const stretches = attention.rope.scaling == RopeScaling::linear ||
                         attention.rope.scaling == RopeScaling::dynamic;
  if (stretches) {  // of these two scalings the config gives the length before them
    spec.max_position =
        static_cast<std::int64_t>(static_cast<double>(spec.max_position) * attention.rope.factor);
  }
  fill_layers(spec, attention, read_silu_feed_forward(config));
}

}  // namespace talus::runtime
