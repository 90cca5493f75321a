// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "kernels/attention.hpp"
#include "kernels/attention_inputs.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/layer_context.hpp"
#include "runtime/model/rope_tables.hpp"
#include "runtime/model/row_parallel.hpp"
#include "runtime/model/weights.hpp"
#include "runtime/model/whole_qk_norm.hpp"

namespace talus::runtime {

/// Memory that attentions of the same shapes share, made for the largest step.
struct AttentionScratch {
  /// \param tp          outlives this
  /// \param max_tokens  of a step
  AttentionScratch(LayerContext const& context,
                   AttentionSpec const& attention,
                   GroupTraffic& tp,
                   std::int64_t max_tokens);

  Activations qkv;                        ///< grouped query: queries, keys, values; latent: queries
  Activations q_low;                      ///< latent: the compressed query
  Activations latent;                     ///< latent: the latent and its rotated part
  Activations q_latent;                   ///< latent: queries in latent space
  Activations o_latent;                   ///< latent: weighted latents
  Activations out;                        ///< [tokens, heads * value_dim]
  std::optional<WholeQkNorm> whole_norm;  ///< where queries and keys are normalised as a whole
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
                 AttentionScratch& scratch,
                 std::shared_ptr<RopeTables const> rope);

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
  [[nodiscard]] kernels::HeadInputs head_inputs(LayerBatch const& batch,
                                                std::span<float const> bias) const;
  [[nodiscard]] kernels::HeadRotation rotation(LayerBatch const& batch) const;
  [[nodiscard]] kernels::AttentionHeads attention_heads() const;
  void run_latent(LayerBatch const& batch, MatrixView<float const> x, kernels::KvCache& cache);
  void project_latent(MatrixView<float const> x, MatrixView<float> latent, MatrixView<float> q);

  LayerContext context_;
  AttentionSpec spec_;
  Range heads_;
  Range kv_heads_;
  LeafCut cut_;
  AttentionWeights const* weights_;
  RowParallel* projection_;
  AttentionScratch* scratch_;
  std::shared_ptr<RopeTables const> rope_;
};

}  // namespace talus::runtime
