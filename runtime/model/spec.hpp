// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/moe.hpp"
#include "kernels/rope.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// What a model is, as data. A family maps a config.json to this; one decoder runs it.

namespace talus::runtime {

/// How the rotation frequencies of a checkpoint were stretched for long contexts.
enum class RopeScaling { none, linear, llama3, yarn };

/// Rotary position embedding of an attention.
struct RopeSpec {
  std::int64_t rotary_dim = 0;  ///< rotated components of a head, even
  kernels::RopePairs pairs = kernels::RopePairs::halves;
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double original_max_position = 0.0;      ///< positions; llama3 and yarn
  double low_freq_factor = 1.0;            ///< llama3
  double high_freq_factor = 4.0;           ///< llama3
  double beta_fast = 32.0;                 ///< yarn
  double beta_slow = 1.0;                  ///< yarn
  double mscale = 0.0;                     ///< yarn; 0: not given
  double mscale_all_dim = 0.0;             ///< yarn; 0: not given
  std::optional<double> attention_factor;  ///< yarn: amplitude of the rotation, if given
  bool truncate = true;                    ///< yarn: round the range of corrected dimensions

  friend bool operator==(RopeSpec const&, RopeSpec const&) = default;
};

enum class AttentionKind { grouped_query, latent };

/// One layer's attention.
struct AttentionSpec {
  AttentionKind kind = AttentionKind::grouped_query;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;      ///< grouped_query
  std::int64_t head_dim = 0;      ///< query and key size of a head (latent: nope + rope part)
  std::int64_t value_dim = 0;     ///< value size of a head
  bool qk_norm = false;           ///< RMS norm of each query and key head
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
  bool has_correction_bias = false;
  kernels::RoutingRule routing;
};

/// One layer's feed-forward: dense, or a mixture of experts.
struct FeedForwardSpec {
  std::int64_t intermediate = 0;  ///< dense
  std::optional<MoeSpec> moe;
};

struct LayerSpec {
  AttentionSpec attention;
  FeedForwardSpec feed_forward;
};

/// A whole model.
struct ModelSpec {
  std::string family;        ///< "llama", "qwen3", "qwen3_moe", "deepseek_v3"
  std::string architecture;  ///< config.json's architectures[0]
  std::int64_t hidden = 0;
  std::int64_t vocab = 0;
  std::int64_t max_position = 0;  ///< longest sequence that the model was made for, tokens
  float norm_epsilon = 1e-6F;
  float latent_norm_epsilon = 1e-6F;  ///< of the norms inside latent attention
  bool tied_embeddings = false;
  DType dtype = DType::f32;              ///< as the config declares its weights
  std::vector<std::int32_t> eos_tokens;  ///< ends a sequence
  std::vector<LayerSpec> layers;

  /// Whether any layer is a mixture of experts.
  [[nodiscard]] bool has_experts() const;
};

/// Leaves of the sum over the attention's output heads: one for each head.
[[nodiscard]] std::int32_t attention_leaves(AttentionSpec const& attention);

/// Leaves of the sum over a feed-forward's `intermediate` axis: 32, fewer for a tiny one.
[[nodiscard]] std::int32_t feed_forward_leaves(std::int64_t intermediate);

/// The largest tensor-parallel size that the canonical shards allow.
inline constexpr std::int32_t max_tensor_parallel = 32;

}  // namespace talus::runtime
