// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Phi-3 and Phi-4: Llama's layers with fused projections, partly rotated heads and longrope in
// some, a window if `sliding_window` says so. References: M. Abdin et al., "Phi-3 Technical
// Report", 2024; "Phi-4-Mini Technical Report", 2025.

namespace talus::runtime {

void read_phi3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec, {.rope = {.may_be_partial = true}});
  if (attention.rope.scaling == RopeScaling::yarn) {
    config.refuse("rope_scaling", "the early spelling of longrope as yarn is not known");
  }
  fill_layers(spec, attention, read_silu_feed_forward(config));
  read_window_of_all(config, std::nullopt, spec);
  spec.names.fused_qkv = true;
  spec.names.fused_gate_up = true;
}

}  // namespace talus::runtime
