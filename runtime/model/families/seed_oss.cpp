// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Seed-OSS: Llama's layers with biases on queries, keys and values, and on the output projection if
// `attention_out_bias`. Reference: ByteDance Seed, "Seed-OSS", 2025 (model card).

namespace talus::runtime {

void read_seed_oss(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec, {.kv_heads = 8, .head_dim = 128});
  attention.qkv_bias = config.flag_or("attention_bias", true);
  attention.out_bias = config.flag_or("attention_out_bias", false);
  fill_layers(spec, attention, read_silu_feed_forward(config));
}

}  // namespace talus::runtime
