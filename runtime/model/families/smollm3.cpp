// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// SmolLM3: Llama's layers; those that `no_rope_layers` marks with 0 have no rotation, and with
// `use_sliding_window` a window. Reference: Hugging Face, "SmolLM3: smol, multilingual,
// long-context reasoner", 2025.

namespace talus::runtime {
namespace {

/// Which layers rotate, one entry a layer.
std::vector<bool> read_rotations(ConfigFields const& config, std::size_t layers) {
  std::vector<std::int64_t> const marks = config.integers("no_rope_layers");
  auto const interval = static_cast<std::size_t>(config.size_or("no_rope_layer_interval", 4));
  if (!marks.empty() && marks.size() != layers) {
    config.refuse("no_rope_layers", concat("must mark each of the ", layers, " layers"));
  }
  std::vector<bool> rotates(layers);
  for (std::size_t i = 0; i < layers; ++i) {
    rotates[i] = marks.empty() ? (i + 1) % interval != 0 : marks[i] != 0;
  }
  return rotates;
}

}  // namespace

void read_smollm3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec const attention =
      read_grouped_query(config, spec, {.kv_heads = 4, .rope = {.theta = 2e6}});
  fill_layers(spec, attention, read_silu_feed_forward(config));
  std::vector<bool> const rotates = read_rotations(config, spec.layers.size());
  std::vector<bool> slides(spec.layers.size());
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    slides[i] = !rotates[i];
    if (!rotates[i]) {
      spec.layers[i].attention.rope = {};
    }
  }
  bool const has_window = config.has("sliding_window");
  if (config.flag_or("use_sliding_window", false) && has_window) {
    read_windows(config, {.slides = slides}, spec);
  }
}

}  // namespace talus::runtime
