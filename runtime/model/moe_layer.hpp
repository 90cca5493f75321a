// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/model/expert_exchange.hpp"
#include "runtime/model/feed_forward_layer.hpp"

namespace talus::runtime {

/// Memory that the mixtures of experts of all layers share.
struct MoeScratch {
  MoeScratch(kernels::ExecContext const& exec,
             MoeSpec const& moe,
             std::int64_t max_tokens,
             std::int64_t hidden);

  Activations logits;  ///< [tokens of this rank, experts]
  Activations mixed;   ///< [tokens of this rank, hidden]
  Activations shared;  ///< [tokens, hidden]
  std::vector<std::int32_t> expert_ids;
  std::vector<float> weights;
  GrowingBuffer<float> gate_up, activated, results;
  std::vector<int> counts, offsets;  ///< of the gather over the tensor-parallel ranks
};

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
           ExpertExchange& exchange,
           MoeScratch& scratch);

  /// The shared experts beside the routed ones.
  void add_shared(FeedForwardLayer shared) { shared_.emplace(std::move(shared)); }

  /// Collective over the tensor-parallel and the expert group, whether or not there are tokens.
  ///
  /// \param x    [tokens, hidden], normalised
  /// \param out  [tokens, hidden], contiguous
  void run(MatrixView<float const> x, MatrixView<float> out);

  /// [experts] how many tokens of this rank were routed to each expert since the caller last set
  /// these numbers to zero.
  [[nodiscard]] std::span<std::int64_t> routed() noexcept { return routed_; }

 private:
  void choose_experts(MatrixView<float const> x);
  [[nodiscard]] MatrixView<float const> run_experts(MatrixView<float const> rows);
  void add_biases(std::span<std::vector<float> const> biases, MatrixView<float> rows);
  void gather(MatrixView<float const> mine, MatrixView<float> out);

  LayerContext context_;
  MoeSpec spec_;
  MoeWeights const* weights_;
  GroupTraffic* tp_;
  ExpertExchange* exchange_;
  MoeScratch* scratch_;
  std::optional<FeedForwardLayer> shared_;
  std::vector<std::int64_t> routed_;
};

}  // namespace talus::runtime
