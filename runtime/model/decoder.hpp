// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/attention_layer.hpp"
#include "runtime/model/kv_layout.hpp"
#include "runtime/model/moe_layer.hpp"
#include "runtime/traffic/grid_traffic.hpp"

namespace talus::runtime {

/// Sizes that a decoder's memory is made for.
struct DecoderLimits {
  std::int64_t max_tokens = 0;     ///< of a step
  std::int64_t max_positions = 0;  ///< of a sequence
  std::int64_t num_blocks = 0;     ///< of each cache
  std::int64_t block_tokens = 0;
  DType kv_dtype = DType::f32;
  std::int64_t max_recordings = 0;  ///< of decoding steps, on a device; 0: each is done anew
};

/// The layers of one stage of a model, assembled from its spec, with their KV caches.
///
/// Everything is allocated when it is made; only the buffers whose size routing decides, where
/// ranks exchange tokens, grow later.
class Decoder {
 public:
  /// Collective over the grid's ranks. `traffic`, `weights` and `clock` outlive the decoder.
  Decoder(GridTraffic& traffic,
          ModelSpec const& spec,
          ModelWeights const& weights,
          DecoderLimits const& limits,
          StepClock& clock);

  /// The embedding of a step's tokens. Collective over the tensor-parallel group.
  ///
  /// \pre this rank is of the first stage
  /// \param x  [tokens, hidden], contiguous
  void embed(StepBatch const& batch, MatrixView<float> x);

  /// Runs the stage's layers, in place. Collective over the tensor-parallel and expert groups.
  ///
  /// \param x  [tokens, hidden], contiguous; may be empty where expert groups span replicas
  void run(StepBatch const& batch, MatrixView<float> x);

  /// From now on `observer` sees the residual, [tokens, hidden], behind each layer of a run. For
  /// checks of a model's arithmetic.
  void observe_layers(std::function<void(MatrixView<float const> x)> observer) {
    observer_ = std::move(observer);
  }

  /// Whether a device can record run() and embed(), to do them again for a step of as many tokens:
  /// if nothing in them needs the host. The same on all ranks of the replica.
  [[nodiscard]] bool is_recordable() const;

  /// Whether a device waits in each layer with experts for the host, which learns what tokens
  /// chose.
  [[nodiscard]] bool needs_host() const noexcept { return dispatch_ && dispatch_->needs_host(); }

  /// Whether a step must say how many tokens a rank of the expert group routes at most.
  [[nodiscard]] bool wants_most_routed() const noexcept {
    return dispatch_ && dispatch_->wants_most_routed();
  }

  /// How tokens of devices come to experts of other ranks, for the run's record; empty: they don't.
  [[nodiscard]] std::string expert_traffic() const {
    return dispatch_ ? dispatch_->description() : "";
  }

  /// Copies KV blocks in every cache of the stage.
  void copy_blocks(std::span<kernels::KvBlockCopy const> copies);

  /// Which block tables a step must bring.
  [[nodiscard]] KvLayout const& kv_layout() const noexcept { return kv_layout_; }

  /// Tokens that this rank routed to each expert since the last call, layer by layer of those with
  /// experts: [layers, experts]; begins anew. What went to other ranks meanwhile, where a device
  /// has counted it, is told to the clock.
  void take_routed(std::vector<std::int64_t>& counts);

  /// The first part of take_routed(), which waits for nothing, and the second one, which waits for
  /// no steps that came after the first.
  void start_taking_routed();
  void finish_taking_routed(std::vector<std::int64_t>& counts);

 private:
  struct Layer {
    LayerWeights const* weights;
    AttentionLayer attention;
    std::optional<FeedForwardLayer> dense;
    std::optional<MoeLayer> experts;
    KvPlace kv;
  };

  RowParallel& sum_of(LeafCut const& cut);
  AttentionScratch& scratch_of(AttentionSpec const& attention);
  [[nodiscard]] std::shared_ptr<RopeTables const> rope_of(RopeSpec const& spec);
  void add_layer(LayerSpec const& spec, LayerWeights const& weights, KvPlace kv);
  void make_expert_memory(MoeSpec const& moe);
  [[nodiscard]] MoeLayer make_experts(LayerSpec const& spec, LayerWeights const& weights);
  [[nodiscard]] MatrixView<float const> normalized(MatrixView<float> x,
                                                   std::vector<float> const& norm);
  void gather_embedding(StepBatch const& batch, MatrixView<float> x);
  MatrixView<float const> add_to_residual(std::vector<float> const& out_norm,
                                          MatrixView<float> x,
                                          std::span<float const> next_norm);
  [[nodiscard]] std::span<float const> norm_behind(std::size_t layer) const;

  LayerContext context_;
  ModelSpec spec_;
  GridTraffic* traffic_;
  ModelWeights const* weights_;
  DecoderLimits limits_;
  KvLayout kv_layout_;
  std::vector<kernels::KvCache> caches_;  ///< by slot
  Activations normed_;
  Activations delta_;
  Activations columns_;  ///< first stage: the embedding's columns of all ranks, one after another
  /// By what of an attention the memory's sizes depend on.
  std::vector<std::pair<AttentionSpec, std::unique_ptr<AttentionScratch>>> attention_scratch_;
  std::vector<std::pair<RopeSpec, std::shared_ptr<RopeTables const>>> ropes_;
  std::unique_ptr<FeedForwardScratch> feed_forward_scratch_;
  std::unique_ptr<MoeScratch> moe_scratch_;
  std::unique_ptr<ExpertDispatch> dispatch_;
  std::map<std::int32_t, std::unique_ptr<RowParallel>> sums_;  ///< by number of leaves
  std::vector<std::unique_ptr<Layer>> layers_;
  std::function<void(MatrixView<float const>)> observer_;  ///< or none
};

/// The place of a rank in the grid, as the model's cut needs it.
[[nodiscard]] ShardPlace shard_place(parallel::ProcessGrid const& grid);

}  // namespace talus::runtime
