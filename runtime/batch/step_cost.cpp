// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/step_cost.hpp"

#include <algorithm>

namespace talus::runtime {
namespace {

/// Keys that the queries of positions [first, last) see, together.
double pairs_of(std::int64_t first, std::int64_t last, std::int64_t window) {
  double pairs = 0.0;
  for (std::int64_t position = first; position < last; ++position) {
    std::int64_t const seen = position + 1;
    pairs += static_cast<double>(window > 0 ? std::min(seen, window) : seen);
  }
  return pairs;
}

}  // namespace

void CostModel::Matrices::add(kernels::PackedWeights const& matrix) {
  bytes += static_cast<double>(matrix.bytes());
  elements += static_cast<double>(matrix.out()) * static_cast<double>(matrix.in());
}

CostModel::CostModel(ModelSpec const& spec,
                     ShardPlace const& place,
                     ModelWeights const& weights,
                     DType kv_dtype) {
  Range const range = layers_of(spec, place);
  for (std::int64_t i = range.first; i < range.last; ++i) {
    add_attention(spec.layers[static_cast<std::size_t>(i)].attention, place, kv_dtype);
    LayerWeights const& layer = weights.layers[static_cast<std::size_t>(i - range.first)];
    add_layer(layer);
    for (std::size_t e = 0; place.ep_size == 1 && e < layer.moe.gate_up.size(); ++e) {
      Matrices& expert = experts_.emplace_back();
      expert.add(layer.moe.gate_up[e]);
      expert.add(layer.moe.down[e]);
    }
  }
  if (place.is_last_stage()) {
    head_.add(weights.lm_head);
  }
  if (place.is_first_stage()) {
    embedding_row_bytes_ =
        static_cast<double>(weights.embedding.cols() * size_of(weights.embedding.dtype()));
  }
}

void CostModel::add_attention(AttentionSpec const& spec, ShardPlace const& place, DType kv_dtype) {
  kernels::KvShape const shape = kv_shape(spec, place, kv_dtype);
  auto const heads = static_cast<double>(heads_of(spec, place).size());
  auto group = std::find_if(attention_.begin(), attention_.end(), [&](AttentionGroup const& other) {
    return other.window == spec.window;
  });
  if (group == attention_.end()) {
    group = attention_.insert(group, AttentionGroup{.window = spec.window});
  }
  group->token_bytes += static_cast<double>(shape.token_bytes());
  group->operations_per_pair += 2.0 * heads * static_cast<double>(shape.key_dim + shape.value_dim);
}

void CostModel::add_layer(LayerWeights const& layer) {
  AttentionWeights const& attention = layer.attention;
  for (kernels::PackedWeights const* const matrix : {&attention.qkv,
                                                     &attention.q_a,
                                                     &attention.q,
                                                     &attention.kv_a,
                                                     &attention.out,
                                                     &layer.feed_forward.gate_up,
                                                     &layer.feed_forward.down,
                                                     &layer.moe.router}) {
    layers_.add(*matrix);
  }
  for (auto const* const matrices : {&attention.key_up, &attention.value_up}) {
    for (kernels::PackedWeights const& matrix : *matrices) {
      layers_.add(matrix);
    }
  }
}

StepCost CostModel::of(StepPlan const& plan) const {
  StepCost cost;
  auto const tokens = static_cast<double>(plan.num_tokens());
  auto const samples = static_cast<double>(plan.num_samples);
  if (plan.num_tokens() > 0) {
    cost.weight_bytes = layers_.bytes + tokens * embedding_row_bytes_;
    cost.operations = 2.0 * tokens * layers_.elements;
  }
  if (plan.num_samples > 0) {
    cost.weight_bytes += head_.bytes;
    cost.operations += 2.0 * samples * head_.elements;
  }
  for (PlanEntry const& entry : plan.entries) {
    add_entry(entry, cost);
  }
  return cost;
}

void CostModel::add_entry(PlanEntry const& entry, StepCost& cost) const {
  std::int64_t const first = entry.first_position;
  std::int64_t const last = first + entry.num_tokens;
  for (AttentionGroup const& group : attention_) {
    std::int64_t const out_of_sight = group.window > 0 ? first + 1 - group.window : 0;
    auto const seen = static_cast<double>(last - std::max<std::int64_t>(out_of_sight, 0));
    cost.kv_bytes += seen * group.token_bytes;
    cost.operations += pairs_of(first, last, group.window) * group.operations_per_pair;
  }
}

StepCost CostModel::of_experts(std::span<std::int64_t const> routed) const {
  StepCost cost;
  if (routed.size() != experts_.size()) {
    return cost;
  }
  for (std::size_t i = 0; i < experts_.size(); ++i) {
    if (routed[i] > 0) {
      cost.weight_bytes += experts_[i].bytes;
      cost.operations += 2.0 * static_cast<double>(routed[i]) * experts_[i].elements;
    }
  }
  return cost;
}

}  // namespace talus::runtime
