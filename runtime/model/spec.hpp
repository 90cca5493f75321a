// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/moe.hpp"
#include "kernels/rope.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/quantization/quant_config.hpp"

/// \file
/// What a model is, as data. A family maps a config.json to this; one decoder runs it.

namespace talus::runtime {

/// How the rotation frequencies of a checkpoint were stretched for long contexts.
enum class RopeScaling { none, linear, dynamic, llama3, yarn, longrope };

/// Rotary position embedding of an attention.
struct RopeSpec {
  std::int64_t rotary_dim = 0;  ///< rotated components of a head, even; 0: no rotation
  kernels::RopePairs pairs = kernels::RopePairs::halves;
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double original_max_position = 0.0;      ///< positions; all but none and linear
  double low_freq_factor = 1.0;            ///< llama3
  double high_freq_factor = 4.0;           ///< llama3
  double beta_fast = 32.0;                 ///< yarn
  double beta_slow = 1.0;                  ///< yarn
  double mscale = 0.0;                     ///< yarn; 0: not given
  double mscale_all_dim = 0.0;             ///< yarn; 0: not given
  std::optional<double> attention_factor;  ///< yarn, longrope: the rotation's amplitude, if given
  bool truncate = true;                    ///< yarn: round the range of corrected dimensions
  std::vector<double> short_factors;       ///< longrope: [rotary_dim / 2] up to the original length
  std::vector<double> long_factors;        ///< longrope: [rotary_dim / 2] beyond it
  double query_growth =
      0.0;  ///< queries at p grow by 1 + query_growth log(1 + floor(p / original))

  friend bool operator==(RopeSpec const&, RopeSpec const&) = default;
};

enum class AttentionKind { grouped_query, latent };

/// RMS norm of queries and keys: of each head by itself, or of all heads together.
enum class QkNorm { none, head, whole };

/// One layer's attention.
struct AttentionSpec {
  AttentionKind kind = AttentionKind::grouped_query;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;   ///< grouped_query
  std::int64_t head_dim = 0;   ///< query and key size of a head (latent: nope + rope part)
  std::int64_t value_dim = 0;  ///< value size of a head
  QkNorm qk_norm = QkNorm::none;
  bool qkv_bias = false;          ///< of the query, key and value projections
  bool out_bias = false;          ///< of the output projection
  bool sinks = false;             ///< a score a head that takes its share and gives nothing
  float soft_cap = 0.0F;          ///< of the scores; 0: none
  std::int64_t q_lora_rank = 0;   ///< latent: rank of the query's compression; 0: none
  std::int64_t kv_lora_rank = 0;  ///< latent: size of the cached latent
  std::int64_t nope_dim = 0;      ///< latent: unrotated part of a head
  float scale = 1.0F;             ///< of the scores
  std::int64_t window = 0;        ///< a query sees itself and the window - 1 keys before; 0: all
  RopeSpec rope;

  friend bool operator==(AttentionSpec const&, AttentionSpec const&) = default;
};

/// A mixture of experts.
struct MoeSpec {
  std::int64_t num_experts = 0;
  std::int64_t intermediate = 0;         ///< of one expert
  std::int64_t shared_intermediate = 0;  ///< of all shared experts together; 0: none
  bool has_correction_bias = false;      ///< chooses experts, doesn't weigh them
  bool router_bias = false;              ///< of the router's logits
  bool expert_bias = false;              ///< of the experts' projections
  kernels::ActivationRule activation;    ///< of experts and shared experts
  kernels::RoutingRule routing;
};

/// One layer's feed-forward: dense, or a mixture of experts.
struct FeedForwardSpec {
  std::int64_t intermediate = 0;         ///< dense
  bool bias = false;                     ///< of a dense one's projections
  kernels::ActivationRule activation{};  ///< xielu's parameters come with the weights
  std::optional<MoeSpec> moe{};
};

struct LayerSpec {
  AttentionSpec attention;
  FeedForwardSpec feed_forward;
};

/// How a checkpoint names and arranges its tensors. Names are relative: of a layer's parts to the
/// layer, of an expert's to the expert.
struct WeightNames {
  std::string root = "model.";  ///< of everything but the output head
  std::string head = "lm_head.weight";
  std::string attention_norm = "input_layernorm.weight";  ///< before the attention; empty: none
  std::string attention_out_norm;                         ///< after it; empty: none
  std::string feed_forward_norm = "post_attention_layernorm.weight";  ///< before; empty: none
  std::string feed_forward_out_norm;                                  ///< after; empty: none
  bool fused_qkv = false;      ///< queries, keys and values in qkv_proj
  bool fused_gate_up = false;  ///< gates and ups in gate_up_proj
  std::string router = "mlp.gate.";
  std::string correction_bias = "mlp.gate.e_score_correction_bias";
  std::string experts = "mlp.experts.";
  std::string shared_experts = "mlp.shared_experts.";
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";  ///< of an expert
  bool stacked_experts = false;  ///< gpt-oss: [experts, in, out], gates and ups alternating
};

/// A whole model.
struct ModelSpec {
  std::string family;        ///< as config.json's model_type
  std::string architecture;  ///< config.json's architectures[0]
  std::int64_t hidden = 0;
  std::int64_t vocab = 0;
  std::int64_t max_position = 0;  ///< longest sequence that the model was made for, tokens
  float norm_epsilon = 1e-6F;
  float latent_norm_epsilon = 1e-6F;  ///< of the norms inside latent attention
  float norm_offset = 0.0F;           ///< added to the weights of the norms (Gemma: 1)
  float embedding_scale = 1.0F;       ///< multiplies the embedding
  float residual_scale = 1.0F;        ///< multiplies what a layer's parts add
  float logit_scale = 1.0F;           ///< multiplies the logits
  float logit_cap = 0.0F;             ///< soft cap of the logits after that; 0: none
  bool tied_embeddings = false;
  WeightNames names;
  DType dtype = DType::f32;              ///< as the config declares its weights
  std::vector<std::int32_t> eos_tokens;  ///< ends a sequence
  std::vector<LayerSpec> layers;
  std::optional<CheckpointQuantization> quantization;  ///< how the checkpoint is; empty: not

  /// Whether any layer is a mixture of experts.
  [[nodiscard]] bool has_experts() const;
};

/// Leaves of the sum over the attention's output heads: one for each head.
[[nodiscard]] std::int32_t attention_leaves(AttentionSpec const& attention);

/// Leaves of the sum over a feed-forward's `intermediate` axis: 32, fewer for a tiny one. Whole
/// chunks of kernels::quant_chunk columns where they divide the axis, quantised or not.
[[nodiscard]] std::int32_t feed_forward_leaves(std::int64_t intermediate);

/// The largest tensor-parallel size that the canonical shards allow.
inline constexpr std::int32_t max_tensor_parallel = 32;

}  // namespace talus::runtime
