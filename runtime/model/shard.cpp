// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/shard.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

LeafCut make_cut(std::int32_t num_leaves,
                 std::int64_t extent,
                 std::int64_t unit,
                 ShardPlace const& place) {
  LeafCut cut;
  cut.tree = SumTree{num_leaves};
  cut.run = cut.tree.run_of(place.tp_rank, place.tp_size);
  auto const begin_of = [&](std::int32_t leaf) -> std::int64_t {
    return leaf == num_leaves ? extent
                              : leaf_extent(leaf,
                                            num_leaves,
                                            static_cast<std::int32_t>(extent),
                                            static_cast<std::int32_t>(unit))
                                    .first;
  };
  cut.columns = {begin_of(cut.run.first), begin_of(cut.run.last)};
  for (std::int32_t leaf = cut.run.first; leaf <= cut.run.last; ++leaf) {
    cut.boundaries.push_back(static_cast<std::int32_t>(begin_of(leaf) - cut.columns.first));
  }
  return cut;
}

std::string divisors_of(std::int64_t heads) {
  std::string list;
  for (std::int64_t tp = 1; tp <= std::min<std::int64_t>(heads, max_tensor_parallel); ++tp) {
    if (heads % tp == 0) {
      list += concat(list.empty() ? "" : ", ", tp);
    }
  }
  return list;
}

}  // namespace

Range part_of(std::int64_t extent, std::int64_t part, std::int64_t num_parts) {
  return {part * extent / num_parts, (part + 1) * extent / num_parts};
}

Range layers_of(ModelSpec const& spec, ShardPlace const& place) {
  return part_of(static_cast<std::int64_t>(spec.layers.size()), place.pp_rank, place.pp_size);
}

LeafCut head_cut(AttentionSpec const& attention, ShardPlace const& place) {
  return make_cut(attention_leaves(attention),
                  attention.heads * attention.value_dim,
                  attention.value_dim,
                  place);
}

Range heads_of(AttentionSpec const& attention, ShardPlace const& place) {
  return part_of(attention.heads, place.tp_rank, place.tp_size);
}

Range kv_heads_of(AttentionSpec const& attention, ShardPlace const& place) {
  Range const heads = heads_of(attention, place);
  std::int64_t const heads_per_kv_head = attention.heads / attention.kv_heads;
  return {heads.first / heads_per_kv_head, (heads.last - 1) / heads_per_kv_head + 1};
}

LeafCut feed_forward_cut(std::int64_t intermediate, ShardPlace const& place) {
  // Whole chunks of codes where they are whole; an even number where kernels add two inputs at
  // once.
  std::int64_t const unit = std::gcd(intermediate, kernels::quant_chunk);
  return make_cut(feed_forward_leaves(intermediate), intermediate, unit, place);
}

Range experts_of(MoeSpec const& moe, ShardPlace const& place) {
  return part_of(moe.num_experts, place.ep_rank, place.ep_size);
}

kernels::KvShape kv_shape(AttentionSpec const& attention, ShardPlace const& place, DType dtype) {
  if (attention.kind == AttentionKind::latent) {
    return {.num_heads = 1,
            .key_dim = attention.kv_lora_rank + attention.rope.rotary_dim,
            .value_dim = attention.kv_lora_rank,
            .value_in_key = true,
            .dtype = dtype};
  }
  return {.num_heads = kv_heads_of(attention, place).size(),
          .key_dim = attention.head_dim,
          .value_dim = attention.value_dim,
          .value_in_key = false,
          .dtype = dtype};
}

std::int64_t kv_token_bytes(ModelSpec const& spec, ShardPlace const& place, DType dtype) {
  Range const layers = layers_of(spec, place);
  std::int64_t bytes = 0;
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    bytes +=
        kv_shape(spec.layers[static_cast<std::size_t>(i)].attention, place, dtype).token_bytes();
  }
  return bytes;
}

void check_shards(ModelSpec const& spec, ShardPlace const& sizes) {
  auto const num_layers = static_cast<std::int64_t>(spec.layers.size());
  if (sizes.pp_size > num_layers) {
    throw ConfigError{concat("--pipeline-parallel-size: ",
                             sizes.pp_size,
                             " stages for ",
                             num_layers,
                             " layers (at most one stage a layer)")};
  }
  if (sizes.tp_size > max_tensor_parallel) {
    throw ConfigError{concat("--tensor-parallel-size: ",
                             sizes.tp_size,
                             " (at most ",
                             max_tensor_parallel,
                             ", the number of canonical shards)")};
  }
  for (LayerSpec const& layer : spec.layers) {
    if (layer.attention.heads % sizes.tp_size != 0) {
      throw ConfigError{concat("--tensor-parallel-size: ",
                               sizes.tp_size,
                               " does not divide the ",
                               layer.attention.heads,
                               " attention heads (",
                               divisors_of(layer.attention.heads),
                               " would do)")};
    }
    if (layer.feed_forward.moe && sizes.ep_size > layer.feed_forward.moe->num_experts) {
      throw ConfigError{concat("--expert-parallel-size: ",
                               sizes.ep_size,
                               " ranks for ",
                               layer.feed_forward.moe->num_experts,
                               " experts (at most one rank an expert)")};
    }
  }
}

}  // namespace talus::runtime
