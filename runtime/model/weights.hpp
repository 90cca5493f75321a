// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/memory_source.hpp"
#include "kernels/mirror.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/quantization/weight_precision.hpp"

/// \file
/// What a rank holds of a model, packed for its backend.

namespace talus::runtime {

/// One attention's weights. Which are used depends on AttentionSpec::kind.
struct AttentionWeights {
  kernels::PackedWeights qkv;   ///< grouped query: [heads * d + 2 * kv_heads * d, hidden]
  std::vector<float> qkv_bias;  ///< one a row of qkv, or empty
  std::vector<float> q_norm;    ///< [head_dim], or [heads * head_dim] for a norm of the whole
  std::vector<float> k_norm;    ///< [head_dim], or [kv_heads * head_dim]
  std::vector<float> sinks;     ///< [heads], or empty

  kernels::PackedWeights q_a;                    ///< latent: [q_lora_rank, hidden]
  std::vector<float> q_a_norm;                   ///< [q_lora_rank]
  kernels::PackedWeights q;                      ///< [heads * head_dim, q_lora_rank or hidden]
  kernels::PackedWeights kv_a;                   ///< [kv_lora_rank + rotary_dim, hidden]
  std::vector<float> kv_a_norm;                  ///< [kv_lora_rank]
  std::vector<kernels::PackedWeights> key_up;    ///< [heads] of [kv_lora_rank, nope_dim]
  std::vector<kernels::PackedWeights> value_up;  ///< [heads] of [value_dim, kv_lora_rank]

  kernels::PackedWeights out;   ///< [hidden, heads * value_dim]
  std::vector<float> out_bias;  ///< [hidden], or empty
};

/// A feed-forward, or this rank's columns of one.
struct FeedForwardWeights {
  kernels::PackedWeights gate_up;   ///< [2 * intermediate, hidden], gate then up; without gates, up
  kernels::PackedWeights down;      ///< [hidden, intermediate]
  std::vector<float> gate_up_bias;  ///< one a row of gate_up, or empty
  std::vector<float> down_bias;     ///< [hidden], or empty
  std::vector<float> xielu;  ///< [4] alpha and negative alpha as trained, beta, epsilon; or empty
};

/// A mixture of experts: the router, and this rank's experts.
struct MoeWeights {
  kernels::PackedWeights router;                ///< [experts, hidden], always float32
  std::vector<float> router_bias;               ///< [experts], or empty
  std::vector<float> correction_bias;           ///< [experts], or empty
  std::vector<kernels::PackedWeights> gate_up;  ///< [local experts]
  std::vector<kernels::PackedWeights> down;     ///< [local experts]
  std::vector<std::vector<float>>
      gate_up_bias;                           ///< [local experts] of [2 * intermediate], or empty
  std::vector<std::vector<float>> down_bias;  ///< [local experts] of [hidden], or empty
};

struct LayerWeights {
  std::vector<float> attention_norm;         ///< [hidden], or empty as the other norms
  std::vector<float> attention_out_norm;     ///< of what the attention gives
  std::vector<float> feed_forward_norm;      ///< [hidden]
  std::vector<float> feed_forward_out_norm;  ///< of what the feed-forward gives
  AttentionWeights attention;
  FeedForwardWeights feed_forward;  ///< the dense one, or the shared experts
  MoeWeights moe;
};

struct ModelWeights {
  std::unique_ptr<kernels::MemorySource> memory;  ///< that matrices are in; null: their own
  kernels::RowTable embedding;           ///< first stage: [vocab, this rank's columns of hidden]
  std::vector<LayerWeights> layers;      ///< of this stage
  std::vector<float> final_norm;         ///< last stage: [hidden]
  kernels::PackedWeights lm_head;        ///< last stage: [this rank's tokens of vocab, hidden]
  std::vector<kernels::Mirror> vectors;  ///< of all vectors above
};

class WeightBinder;

/// Puts the vectors that are bound, and filled by now, where operations read them.
void publish_vectors(kernels::ExecContext const& exec,
                     WeightBinder const& binder,
                     ModelWeights& weights);

/// Bytes that a rank's weights will take, without loading them.
///
/// \param checkpoint  says in which types the scales of codes are stored; null: as they usually are
[[nodiscard]] std::int64_t weight_bytes(kernels::ExecContext const& exec,
                                        ModelSpec const& spec,
                                        ShardPlace const& place,
                                        WeightPrecision const& precision,
                                        io::Checkpoint const* checkpoint = nullptr);

/// The model with the head that its weights have: one of its own counts, also where the config ties
/// it to the embedding. A copy of the embedding does no harm, and another head is what the model
/// was trained with.
[[nodiscard]] ModelSpec with_stored_head(ModelSpec const& spec, bool has_own_head);

/// What load_weights gives back.
struct LoadedWeights {
  ModelWeights weights;
  io::LoadReport report;
};

/// Loads and packs a rank's weights. Collective over `comm`, the ranks of the job.
///
/// \param exec   its `memory`, if it has one, holds the matrices, and says which this rank loads
/// What the checkpoint has quantised is kept so, or dequantised, as `precision` says; scales are
/// loaded before codes. Codes and scales don't depend on the grid.
/// A head of its own in the checkpoint is used, also where the config ties it to the embedding.
/// \throws ConfigError  on every rank: see io::load_tensors; or if a weight or bias of the model's
///                      layers would not be used
[[nodiscard]] LoadedWeights load_weights(parallel::Communicator const& comm,
                                         io::Checkpoint const& checkpoint,
                                         kernels::ExecContext const& exec,
                                         ModelSpec const& spec,
                                         ShardPlace const& place,
                                         WeightPrecision const& precision,
                                         io::LoadOptions const& options);

/// Names of the tensors of a checkpoint that no part of the model uses, and of those that are
/// missing.
struct TensorNames {
  std::vector<std::string> missing;
  std::vector<std::string> unknown;
};

/// Compares a checkpoint's tensors with those that the model needs.
[[nodiscard]] TensorNames compare_names(io::Checkpoint const& checkpoint, ModelSpec const& spec);

}  // namespace talus::runtime
