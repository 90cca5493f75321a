// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/activation_budget.hpp"

#include <algorithm>
#include <vector>

#include "runtime/model/moe_layer.hpp"
#include "runtime/model/peer_experts.hpp"

namespace talus::runtime {
namespace {

/// Adds `value` unless an equal one is there; returns whether it was new.
template <class T>
bool add_new(std::vector<T>& known, T const& value) {
  if (std::find(known.begin(), known.end(), value) != known.end()) {
    return false;
  }
  known.push_back(value);
  return true;
}

std::int64_t attention_columns(AttentionSpec const& attention, ShardPlace const& place) {
  std::int64_t const heads = heads_of(attention, place).size();
  if (attention.kind == AttentionKind::latent) {
    std::int64_t const key_dim = attention.kv_lora_rank + attention.rope.rotary_dim;
    return heads * (attention.head_dim + attention.value_dim + key_dim + attention.kv_lora_rank) +
           attention.q_lora_rank + key_dim;
  }
  std::int64_t const kv_heads = kv_heads_of(attention, place).size();
  std::int64_t const sums =
      attention.qk_norm == QkNorm::whole ? 4 * (attention.heads + attention.kv_heads) : 0;
  return 2 * (heads + kv_heads) * attention.head_dim + sums;
}

/// Columns of the memory of all kinds of attention.
std::int64_t all_attention_columns(ModelSpec const& spec, ShardPlace const& place) {
  std::vector<AttentionSpec> kinds;
  std::int64_t columns = 0;
  for (LayerSpec const& layer : spec.layers) {
    if (add_new(kinds, memory_kind(layer.attention))) {
      columns += attention_columns(layer.attention, place);
    }
  }
  return columns;
}

/// Floats of what a rank's experts work on.
std::int64_t expert_row_floats(ModelSpec const& spec,
                               MoeSpec const& moe,
                               ShardPlace const& place,
                               ActivationLimits const& limits) {
  DispatchSizes const sizes = dispatch_sizes(moe, place, limits.max_tokens, spec.hidden);
  if (place.ep_size == 1 || !limits.is_on_device) {
    return sizes.max_choices() * (4 * spec.hidden + 3 * moe.intermediate);
  }
  // Devices that share out experts have room for the choices of all of them; others take more as it
  // comes.
  std::int64_t const local = part_of(moe.num_experts, place.ep_rank, place.ep_size).size();
  return most_expert_rows(exchange_shape(place.ep_size, sizes), local) *
         (2 * spec.hidden + 3 * moe.intermediate);
}

std::int64_t expert_floats(ModelSpec const& spec,
                           ShardPlace const& place,
                           ActivationLimits const& limits) {
  for (LayerSpec const& layer : spec.layers) {
    if (layer.feed_forward.moe) {
      MoeSpec const& moe = *layer.feed_forward.moe;
      std::int64_t const columns = (place.tp_size > 1 ? 2 : 1) * spec.hidden + moe.num_experts;
      return limits.max_tokens * columns + expert_row_floats(spec, moe, place, limits);
    }
  }
  return 0;
}

/// Floats of all rotations' cosines and sines, for each position.
std::int64_t rope_columns(ModelSpec const& spec) {
  std::vector<RopeSpec> kinds;
  std::int64_t columns = 0;
  for (LayerSpec const& layer : spec.layers) {
    RopeSpec const& rope = layer.attention.rope;
    if (add_new(kinds, rope)) {
      columns += rope.query_growth != 0.0 ? 2 * rope.rotary_dim : rope.rotary_dim;
    }
  }
  return columns;
}

}  // namespace

AttentionSpec memory_kind(AttentionSpec const& attention) {
  AttentionSpec kind = attention;
  kind.qkv_bias = false;
  kind.out_bias = false;
  kind.sinks = false;
  kind.soft_cap = 0.0F;
  kind.scale = 1.0F;
  kind.window = 0;
  kind.rope = {};
  kind.rope.rotary_dim = attention.kind == AttentionKind::latent ? attention.rope.rotary_dim : 0;
  return kind;
}

std::int64_t dense_columns(ModelSpec const& spec, ShardPlace const& place) {
  std::int64_t columns = 0;
  for (LayerSpec const& layer : spec.layers) {
    std::int64_t const intermediate = layer.feed_forward.moe
                                          ? layer.feed_forward.moe->shared_intermediate
                                          : layer.feed_forward.intermediate;
    if (intermediate > 0) {
      columns = std::max(columns, feed_forward_cut(intermediate, place).columns.size());
    }
  }
  return columns;
}

std::int64_t activation_bytes(ModelSpec const& spec,
                              ShardPlace const& place,
                              ActivationLimits const& limits) {
  std::int64_t const partials = place.tp_size > 1 ? 6 : 0;  // partial sums, sent and received
  std::int64_t const columns = (4 + partials) * spec.hidden + all_attention_columns(spec, place) +
                               3 * dense_columns(spec, place);
  std::int64_t const floats = limits.max_tokens * columns + expert_floats(spec, place, limits) +
                              limits.max_positions * rope_columns(spec);
  return floats * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace talus::runtime
