// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/model/config_fields.hpp"
#include "runtime/model/rope_config.hpp"
#include "runtime/model/spec.hpp"

/// \file
/// Fields that several families share. All throw ConfigError, naming the field.

namespace talus::runtime {

/// What holds where a config says nothing of its attention; 0: see read_grouped_query.
struct AttentionDefaults {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  RopeDefaults rope{};
};

/// A grouped-query attention by the usual names, biases as `attention_bias` says. Without defaults
/// the heads must be given, KV heads are as many as heads, and a head has its share of `hidden`.
[[nodiscard]] AttentionSpec read_grouped_query(ConfigFields const& config,
                                               ModelSpec const& spec,
                                               AttentionDefaults const& defaults = {});

/// A feed-forward of gated silu by the usual names, biases as `mlp_bias` says.
[[nodiscard]] FeedForwardSpec read_silu_feed_forward(ConfigFields const& config);

/// Refuses a config whose `hidden_act` is anything but silu.
void expect_silu(ConfigFields const& config);

/// All layers alike.
void fill_layers(ModelSpec& spec, AttentionSpec const& attention, FeedForwardSpec const& forward);

/// What holds where a config says nothing of windows.
struct WindowDefaults {
  std::vector<bool> slides;    ///< one entry a layer: whether it has a window
  std::int64_t window = 4096;  ///< keys that a query sees there
};

/// Gives the attentions of some layers a window of `sliding_window` keys: those that `layer_types`
/// names.
void read_windows(ConfigFields const& config, WindowDefaults const& defaults, ModelSpec& spec);

/// A window in all layers, unless `sliding_window` is null, or missing where it has no default.
void read_window_of_all(ConfigFields const& config,
                        std::optional<std::int64_t> by_default,
                        ModelSpec& spec);

/// The rule of experts that are routed by sigmoid scores and a correction bias, within groups
/// (DeepSeek-V3's), by DeepSeek's names.
///
/// \param defaults  its groups and scaling, where the config says nothing of them
[[nodiscard]] MoeSpec read_sigmoid_experts(ConfigFields const& config,
                                           kernels::RoutingRule const& defaults);

/// Puts dense layers first, `first_k_dense_replace` of them, then layers with experts.
void fill_dense_first(ConfigFields const& config,
                      ModelSpec& spec,
                      AttentionSpec const& attention,
                      MoeSpec const& moe);

/// Refuses top-k routing that asks for more experts than there are to choose from.
void check_routing(ConfigFields const& config, MoeSpec const& moe);

/// Names of experts and their router as Mixtral was published with them.
void use_mixtral_names(WeightNames& names);

/// The latent attention of DeepSeek's models, by their names.
[[nodiscard]] AttentionSpec read_latent(ConfigFields const& config);

}  // namespace talus::runtime
