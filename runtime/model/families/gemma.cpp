// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <vector>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Gemma 2 and 3: scaled embeddings, norms before and after each part whose weights are counted from
// 1, gated GELU, windows in most layers. Gemma 2 caps the scores and the logits; Gemma 3 normalises
// query and key heads, and its layers with windows have a rotation of their own. References: Gemma
// Team, "Gemma 2", 2024, section 2; "Gemma 3 Technical Report", 2025, section 2.

namespace talus::runtime {
namespace {

FeedForwardSpec read_feed_forward(ConfigFields const& config) {
  char const* const key = config.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  if (config.text_or(key, "gelu_pytorch_tanh") != "gelu_pytorch_tanh") {
    config.refuse(key, "this family is known with gelu_pytorch_tanh only");
  }
  static_cast<void>(config.has("hidden_act"));  // older configs have both; the other one counts
  FeedForwardSpec forward;
  forward.intermediate = config.size_or("intermediate_size", 9216);
  forward.activation.kind = kernels::ActivationKind::gelu_tanh;
  return forward;
}

AttentionSpec read_attention(ConfigFields const& config,
                             ModelSpec const& spec,
                             RopeDefaults const& rope) {
  config.expect_only("use_bidirectional_attention", false, "attention is causal");
  AttentionSpec attention =
      read_grouped_query(config, spec, {.heads = 8, .kv_heads = 4, .head_dim = 256, .rope = rope});
  double const scalar = config.number_or("query_pre_attn_scalar", 256.0);
  if (!(scalar > 0.0)) {
    config.refuse("query_pre_attn_scalar", "must be positive");
  }
  attention.scale = static_cast<float>(1.0 / std::sqrt(scalar));
  return attention;
}

/// A cap that is missing is the family's; one that is null is none.
float read_cap(ConfigFields const& config, char const* name, double by_default) {
  if (!config.has(name)) {
    return config.is_given(name) ? 0.0F : static_cast<float>(by_default);
  }
  double const cap = config.number(name);
  if (!(cap > 0.0)) {
    config.refuse(name, "must be positive, or null for none");
  }
  return static_cast<float>(cap);
}

/// Every `period`-th layer sees everything, the others have a window.
std::vector<bool> windows_by_period(std::size_t layers, std::int64_t period) {
  std::vector<bool> slides(layers);
  for (std::size_t i = 0; i < layers; ++i) {
    slides[i] = (i + 1) % static_cast<std::size_t>(period) != 0;
  }
  return slides;
}

void read_common(ModelSpec& spec) {
  spec.norm_offset = 1.0F;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden));
  spec.names.attention_out_norm = "post_attention_layernorm.weight";
  spec.names.feed_forward_norm = "pre_feedforward_layernorm.weight";
  spec.names.feed_forward_out_norm = "post_feedforward_layernorm.weight";
}

}  // namespace

void read_gemma2(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_attention(config, spec, {});
  attention.soft_cap = read_cap(config, "attn_logit_softcapping", 50.0);
  spec.logit_cap = read_cap(config, "final_logit_softcapping", 30.0);
  fill_layers(spec, attention, read_feed_forward(config));
  read_windows(config, {.slides = windows_by_period(spec.layers.size(), 2)}, spec);
  read_common(spec);
}

void read_gemma3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec full = read_attention(config, spec, {.theta = 1e6, .layer_type = "full_attention"});
  full.qk_norm = QkNorm::head;
  if (config.has("attn_logit_softcapping")) {
    config.refuse("attn_logit_softcapping", "Gemma 3 does not cap its scores");
  }
  spec.logit_cap = read_cap(config, "final_logit_softcapping", 0.0);
  fill_layers(spec, full, read_feed_forward(config));
  std::int64_t const period = config.size_or("sliding_window_pattern", 6);
  read_windows(config, {.slides = windows_by_period(spec.layers.size(), period)}, spec);
  RopeSpec local;
  if (auto const parameters = config.object("rope_parameters");
      parameters && parameters->has("sliding_attention")) {
    local = read_rope(config, {.head_dim = full.head_dim, .layer_type = "sliding_attention"});
  } else {
    local.rotary_dim = full.head_dim;
    local.theta = config.number_or("rope_local_base_freq", local.theta);
  }
  for (LayerSpec& layer : spec.layers) {
    if (layer.attention.window > 0) {
      layer.attention.rope = local;
    }
  }
  read_common(spec);
}

}  // namespace talus::runtime
