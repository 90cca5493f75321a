// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/attention.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/layer_context.hpp"
#include "runtime/model/rope_config.hpp"
#include "runtime/model/row_parallel.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {

/// Memory that the attentions of all layers share, made for the largest step, and the rotations.
struct AttentionScratch {
  /// \param max_tokens     of a step
  /// \param max_positions  of a sequence
  AttentionScratch(LayerContext const& context,
                   AttentionSpec const& attention,
                   std::int64_t max_tokens,
                   std::int64_t max_positions);

  [[nodiscard]] kernels::RopeTable table() const noexcept { return {rope.cosines, rope.sines}; }

  Activations qkv;       ///< grouped query: queries, keys, values; latent: queries
  Activations q_low;     ///< latent: the compressed query
  Activations latent;    ///< latent: the latent and its rotated part
  Activations q_latent;  ///< latent: queries in latent space
  Activations o_latent;  ///< latent: weighted latents
  Activations out;       ///< [tokens, heads * value_dim]
  RopeValues rope;
};

/// One layer's attention: a norm's output in, the output projection's sum over ranks out.
///
/// In latent attention the query is absorbed into latent space, so that the cache holds the latent
/// and nothing for each head.
///
/// Reference: DeepSeek-AI, "DeepSeek-V2", 2024, section 2.1 and appendix C (latent attention).
class AttentionLayer {
 public:
  /// What is passed by reference outlives the layer.
  AttentionLayer(LayerContext const& context,
                 AttentionSpec const& spec,
                 AttentionWeights const& weights,
                 RowParallel& projection,
                 AttentionScratch& scratch);

  /// Collective over the tensor-parallel group.
  ///
  /// \param x      [tokens, hidden], normalised
  /// \param cache  this layer's; gets the keys and values of the step's tokens
  /// \param out    [tokens, hidden], contiguous
  void run(LayerBatch const& batch,
           MatrixView<float const> x,
           kernels::KvCache& cache,
           MatrixView<float> out);

 private:
  void run_grouped_query(LayerBatch const& batch,
                         MatrixView<float const> x,
                         kernels::KvCache& cache);
  void run_latent(LayerBatch const& batch, MatrixView<float const> x, kernels::KvCache& cache);
  [[nodiscard]] MatrixView<float> latent_queries(LayerBatch const& batch,
                                                 MatrixView<float const> x);

  LayerContext context_;
  AttentionSpec spec_;
  Range heads_;
  Range kv_heads_;
  LeafCut cut_;
  AttentionWeights const* weights_;
  RowParallel* projection_;
  AttentionScratch* scratch_;
};

}  // namespace talus::runtime
