// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/model/expert_dispatch.hpp"
#include "runtime/model/feed_forward_layer.hpp"
#include "runtime/model/routed_counts.hpp"

namespace talus::runtime {

/// Memory that the mixtures of experts of all layers share.
struct MoeScratch {
  /// \param layers     of this stage that have experts
  /// \param most_rows  see ExpertDispatch::most_rows()
  MoeScratch(LayerContext const& context,
             MoeSpec const& moe,
             std::int64_t max_tokens,
             std::int64_t hidden,
             std::int64_t layers,
             std::int64_t most_rows);

  Activations logits;                        ///< [tokens of this rank, experts]
  Activations mixed;                         ///< [tokens of this rank, hidden], if others have some
  Activations shared;                        ///< [tokens, hidden]
  kernels::Buffer<std::int32_t> expert_ids;  ///< [choices of this rank's tokens]
  kernels::Buffer<float> weights;            ///< likewise
  /// Of what this rank's experts do. Where the dispatch knows how much that may be, they never
  /// grow.
  GrowingBuffer<float> gate_up, activated, results;
  RoutedCounts routed;
  std::vector<int> counts, offsets;  ///< of the gather over the tensor-parallel ranks
};

/// What an expert dispatch is made for.
[[nodiscard]] DispatchSizes dispatch_sizes(MoeSpec const& moe,
                                           ShardPlace const& place,
                                           std::int64_t max_tokens,
                                           std::int64_t hidden);

/// A mixture of experts, with shared experts beside it if the model has them.
///
/// The tokens of a replica are shared out over its tensor-parallel ranks: each routes its own,
/// sends them to the ranks of the expert group that hold the experts, mixes what comes back in the
/// order of the router's choice, and the tensor-parallel ranks gather all tokens again.
class MoeLayer {
 public:
  /// What is passed by reference outlives the layer.
  MoeLayer(LayerContext const& context,
           MoeSpec const& spec,
           MoeWeights const& weights,
           GroupTraffic& tp,
           ExpertDispatch& dispatch,
           MoeScratch& scratch);

  /// The shared experts beside the routed ones.
  void add_shared(FeedForwardLayer shared) { shared_.emplace(std::move(shared)); }

  /// Collective over the tensor-parallel and the expert group, whether or not there are tokens.
  ///
  /// \param x    [tokens, hidden], normalised
  /// \param out  [tokens, hidden], contiguous
  void run(MatrixView<float const> x, MatrixView<float> out);

 private:
  void choose_experts(MatrixView<float const> x);
  [[nodiscard]] Range tokens_of_round(std::int64_t round, std::int64_t tokens) const;
  void mix_experts(MatrixView<float const> x, std::int64_t first_choice, MatrixView<float> mixed);
  [[nodiscard]] MatrixView<float const> run_experts(MatrixView<float const> rows);
  void gather(MatrixView<float const> mine, MatrixView<float> out);

  LayerContext context_;
  MoeSpec spec_;
  MoeWeights const* weights_;
  GroupTraffic* tp_;
  ExpertDispatch* dispatch_;
  MoeScratch* scratch_;
  std::optional<FeedForwardLayer> shared_;
  std::span<std::int64_t> routed_;  ///< where activations are
};

}  // namespace talus::runtime
