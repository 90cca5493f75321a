// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Mistral: Llama's layers, all with a window unless `sliding_window` is null. Reference: A. Q.
// Jiang et al., "Mistral 7B", 2023, section 2. Ministral 3: yarn, and queries that grow with their
// position; reference: Mistral AI, "Ministral 3", 2025.

namespace talus::runtime {

void read_mistral(ConfigFields const& config, ModelSpec& spec) {
  fill_layers(
      spec, read_grouped_query(config, spec, {.kv_heads = 8}), read_silu_feed_forward(config));
  read_window_of_all(config, 4096, spec);
}

void read_ministral3(ConfigFields const& config, ModelSpec& spec) {
  if (!config.has("rope_scaling") && !config.has("rope_parameters")) {
    config.refuse("rope_parameters", "Ministral 3 needs its yarn scaling");
  }
  AttentionSpec const attention =
      read_grouped_query(config, spec, {.kv_heads = 8, .head_dim = 128});
  fill_layers(spec, attention, read_silu_feed_forward(config));
  read_window_of_all(config, std::nullopt, spec);
}

}  // namespace talus::runtime
