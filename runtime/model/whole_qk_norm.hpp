// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "runtime/model/activations.hpp"
#include "runtime/model/layer_context.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/model/weights.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// RMS norms of all query heads together, and of all key heads, which tensor parallelism cuts.
///
/// Each rank sums the squares of its heads; the sums are gathered and added head by head, in the
/// same order on every rank and for every cut.
class WholeQkNorm {
 public:
  /// `tp` outlives this.
  WholeQkNorm(LayerContext const& context,
              AttentionSpec const& spec,
              GroupTraffic& tp,
              std::int64_t max_tokens);

  /// Normalises this rank's queries and keys in place. Collective over the tensor-parallel group.
  ///
  /// \param q  [tokens, heads * head_dim]
  /// \param k  [tokens, kv_heads * head_dim]
  void run(AttentionWeights const& weights, MatrixView<float> q, MatrixView<float> k);

 private:
  /// The sums of one rank's heads in the gathered message: queries, then keys.
  struct Part {
    Range heads;
    Range kv_heads;

    [[nodiscard]] std::int64_t size() const noexcept { return heads.size() + kv_heads.size(); }
  };

  void gather(std::int64_t tokens);

  LayerContext context_;
  AttentionSpec spec_;
  GroupTraffic* tp_;
  std::vector<Part> parts_;  ///< by rank
  Activations own_;          ///< [tokens, heads and KV heads of this rank]
  Activations message_;      ///< [ranks' parts, one after another]
  Activations q_sums_;       ///< [tokens, heads]
  Activations k_sums_;       ///< [tokens, kv_heads]
  std::vector<int> counts_, offsets_;
};

}  // namespace talus::runtime
