// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/model/shard.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/model/weights.hpp"
#include "runtime/scheduler/step_plan.hpp"

namespace talus::runtime {

/// What a step can't do with less of, on one rank.
struct StepCost {
  double weight_bytes = 0.0;  ///< of the matrices and embedding rows that are read, each once
  double kv_bytes = 0.0;      ///< of the keys and values that the step's tokens see, each once
  double operations = 0.0;    ///< multiplications and additions of matmuls and attention

  void add(StepCost const& other) noexcept {
    weight_bytes += other.weight_bytes;
    kv_bytes += other.kv_bytes;
    operations += other.operations;
  }
};

/// Counts what steps cost a rank, from its plan, its weights and the shape of its KV cache.
class CostModel {
 public:
  /// \param kv_dtype  of the KV cache
  CostModel(ModelSpec const& spec,
            ShardPlace const& place,
            ModelWeights const& weights,
            DType kv_dtype);

  /// Of a step, but for its experts.
  [[nodiscard]] StepCost of(StepPlan const& plan) const;

  /// Of a step's experts.
  ///
  /// \param routed  [layers with experts, experts] tokens that this rank routed to each in the
  ///                step; where expert parallelism sends tokens to other ranks, the experts are not
  ///                counted
  [[nodiscard]] StepCost of_experts(std::span<std::int64_t const> routed) const;

 private:
  /// Matrices that belong together.
  struct Matrices {
    double bytes = 0.0;
    double elements = 0.0;

    void add(kernels::PackedWeights const& matrix);
  };

  /// Layers of this stage that see equally far back.
  struct AttentionGroup {
    std::int64_t window = 0;           ///< 0: everything
    double token_bytes = 0.0;          ///< of a token's keys and values in all layers of the group
    double operations_per_pair = 0.0;  ///< of a query with a key, all heads and layers
  };

  void add_attention(AttentionSpec const& spec, ShardPlace const& place, DType kv_dtype);
  void add_layer(LayerWeights const& layer);
  void add_entry(PlanEntry const& entry, StepCost& cost) const;

  Matrices layers_;  ///< that every token goes through
  Matrices head_;
  double embedding_row_bytes_ = 0.0;
  std::vector<Matrices> experts_;  ///< [layers with experts, experts]; empty where not known
  std::vector<AttentionGroup> attention_;
};

}  // namespace talus::runtime
