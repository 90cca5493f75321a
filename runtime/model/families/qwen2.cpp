// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Qwen2 and 2.5: Llama's layers with biases on queries, keys and values; with `use_sliding_window`
// the layers from `max_window_layers` on have a window. Reference: Qwen Team, "Qwen2 Technical
// Report", 2024, section 2.2. Qwen3, dense: no biases, a norm on each query and key head.
// Reference: Qwen Team, "Qwen3 Technical Report", 2025, section 2.

namespace talus::runtime {
namespace {

void read_upper_windows(ConfigFields const& config, ModelSpec& spec) {
  if (!config.flag_or("use_sliding_window", false)) {
    // Without it the window's length and the layers' types mean nothing.
    static_cast<void>(config.has("sliding_window") || config.has("max_window_layers"));
    return;
  }
  std::vector<bool> slides(spec.layers.size());
  auto const first = static_cast<std::size_t>(config.count_or("max_window_layers", 28));
  for (std::size_t i = first; i < slides.size(); ++i) {
    slides[i] = true;
  }
  read_windows(config, {.slides = slides}, spec);
}

}  // namespace

void read_qwen2(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec);
  attention.qkv_bias = true;
  attention.out_bias = false;
  fill_layers(spec, attention, read_silu_feed_forward(config));
  read_upper_windows(config, spec);
}

void read_qwen3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec, {.head_dim = 128});
  attention.qk_norm = QkNorm::head;
  fill_layers(spec, attention, read_silu_feed_forward(config));
  read_upper_windows(config, spec);
}

}  // namespace talus::runtime
