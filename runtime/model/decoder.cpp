// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/decoder.hpp"

#include <algorithm>

#include "kernels/add_rms_norm.hpp"
#include "kernels/device.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/transfer.hpp"
#include "parallel/collectives.hpp"
#include "runtime/model/activation_budget.hpp"

namespace talus::runtime {

ShardPlace shard_place(parallel::ProcessGrid const& grid) {
  parallel::GridCoord const here = grid.here();
  return {.pp_rank = here.pp,
          .pp_size = grid.shape().pp,
          .tp_rank = here.tp,
          .tp_size = grid.shape().tp,
          .ep_rank = here.ep,
          .ep_size = grid.shape().ep};
}

Decoder::Decoder(GridTraffic& traffic,
                 ModelSpec const& spec,
                 ModelWeights const& weights,
                 DecoderLimits const& limits,
                 StepClock& clock)
    : context_{.exec = traffic.exec(),
               .place = shard_place(traffic.grid()),
               .clock = &clock,
               .norm_epsilon = spec.norm_epsilon,
               .latent_norm_epsilon = spec.latent_norm_epsilon},
      spec_{spec},
      traffic_{&traffic},
      weights_{&weights},
      limits_{limits},
      kv_layout_{make_kv_layout(spec, context_.place.pp_size, limits.max_positions)},
      normed_{traffic.exec(), limits.max_tokens, spec.hidden},
      delta_{traffic.exec(), limits.max_tokens, spec.hidden} {
  if (context_.place.is_first_stage() && traffic.tp().size() > 1) {
    columns_ = Activations{context_.exec, limits.max_tokens, spec.hidden};
    traffic.tp().reserve(static_cast<std::size_t>(limits.max_tokens * spec.hidden));
  }
  // Of no columns where this rank has no leaves of any dense layer.
  feed_forward_scratch_ = std::make_unique<FeedForwardScratch>(
      context_.exec, limits.max_tokens, dense_columns(spec, context_.place));
  for (kernels::KvShape const& shape :
       slot_shapes(kv_layout_, spec, context_.place, limits.kv_dtype)) {
    caches_.emplace_back(context_.exec, shape, limits.num_blocks, limits.block_tokens);
  }
  Range const layers = layers_of(spec, context_.place);
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    add_layer(spec_.layers[static_cast<std::size_t>(i)],
              weights.layers[static_cast<std::size_t>(i - layers.first)],
              kv_layout_.layers[static_cast<std::size_t>(i)]);
  }
}

RowParallel& Decoder::sum_of(LeafCut const& cut) {
  std::unique_ptr<RowParallel>& sum = sums_[cut.tree.num_leaves()];
  if (!sum) {
    sum = std::make_unique<RowParallel>(
        context_.exec, traffic_->tp(), cut, limits_.max_tokens * spec_.hidden);
  }
  return *sum;
}

AttentionScratch& Decoder::scratch_of(AttentionSpec const& attention) {
  AttentionSpec const kind = memory_kind(attention);
  for (auto const& [known, scratch] : attention_scratch_) {
    if (known == kind) {
      return *scratch;
    }
  }
  attention_scratch_.emplace_back(
      kind,
      std::make_unique<AttentionScratch>(context_, attention, traffic_->tp(), limits_.max_tokens));
  return *attention_scratch_.back().second;
}

std::shared_ptr<RopeTables const> Decoder::rope_of(RopeSpec const& spec) {
  for (auto const& [known, tables] : ropes_) {
    if (known == spec) {
      return tables;
    }
  }
  ropes_.emplace_back(
      spec, std::make_shared<RopeTables const>(context_.exec, spec, limits_.max_positions));
  return ropes_.back().second;
}

void Decoder::add_layer(LayerSpec const& spec, LayerWeights const& weights, KvPlace kv) {
  auto layer =
      std::make_unique<Layer>(Layer{.weights = &weights,
                                    .attention = {context_,
                                                  spec.attention,
                                                  weights.attention,
                                                  sum_of(head_cut(spec.attention, context_.place)),
                                                  scratch_of(spec.attention),
                                                  rope_of(spec.attention.rope)},
                                    .dense = std::nullopt,
                                    .experts = std::nullopt,
                                    .kv = kv});
  if (spec.feed_forward.moe) {
    layer->experts.emplace(make_experts(spec, weights));
  } else {
    LeafCut const cut = feed_forward_cut(spec.feed_forward.intermediate, context_.place);
    layer->dense.emplace(
        context_, spec.feed_forward, weights.feed_forward, sum_of(cut), *feed_forward_scratch_);
  }
  layers_.push_back(std::move(layer));
}

/// What the layers with experts share: all of them have as many.
void Decoder::make_expert_memory(MoeSpec const& moe) {
  Range const stage = layers_of(spec_, context_.place);
  auto const first = spec_.layers.begin();
  std::int64_t const layers =
      std::count_if(first + stage.first, first + stage.last, [](LayerSpec const& layer) {
        return layer.feed_forward.moe.has_value();
      });
  dispatch_ =
      make_expert_dispatch(context_.exec,
                           traffic_->expert(),
                           dispatch_sizes(moe, context_.place, limits_.max_tokens, spec_.hidden));
  moe_scratch_ = std::make_unique<MoeScratch>(
      context_, moe, limits_.max_tokens, spec_.hidden, layers, dispatch_->most_rows());
}

MoeLayer Decoder::make_experts(LayerSpec const& spec, LayerWeights const& weights) {
  MoeSpec const& moe = *spec.feed_forward.moe;
  if (!moe_scratch_) {
    make_expert_memory(moe);
  }
  MoeLayer experts{context_, moe, weights.moe, traffic_->tp(), *dispatch_, *moe_scratch_};
  if (moe.shared_intermediate > 0) {
    FeedForwardSpec const shared{.intermediate = moe.shared_intermediate,
                                 .activation = moe.activation};
    experts.add_shared({context_,
                        shared,
                        weights.feed_forward,
                        sum_of(feed_forward_cut(moe.shared_intermediate, context_.place)),
                        *feed_forward_scratch_});
  }
  return experts;
}

void Decoder::embed(StepBatch const& batch, MatrixView<float> x) {
  auto const timed = context_.clock->scope(io::Phase::embed);
  if (traffic_->tp().size() == 1) {
    kernels::gather_rows(context_.exec, weights_->embedding, batch.tokens, x);
  } else {
    gather_embedding(batch, x);
  }
  if (spec_.embedding_scale != 1.0F) {
    kernels::scale_and_cap(context_.exec, spec_.embedding_scale, 0.0F, x);
  }
}

void Decoder::gather_embedding(StepBatch const& batch, MatrixView<float> x) {
  // Each rank has some columns; all of them are gathered rank by rank, then put side by side.
  GroupTraffic& tp = traffic_->tp();
  std::int64_t const tokens = batch.num_tokens();
  std::vector<int> counts(static_cast<std::size_t>(tp.size()));
  std::vector<int> offsets(counts.size());
  for (int rank = 0; rank < tp.size(); ++rank) {
    counts[static_cast<std::size_t>(rank)] =
        static_cast<int>(part_of(spec_.hidden, rank, tp.size()).size() * tokens);
  }
  int const total = parallel::pack_blocks(counts, offsets);
  std::int64_t const mine = weights_->embedding.cols();
  MatrixView<float> const own = delta_.rows(tokens, mine);
  MatrixView<float> const all = columns_.rows(tokens);
  kernels::gather_rows(context_.exec, weights_->embedding, batch.tokens, own);
  {
    auto const gathering = context_.clock->scope(io::Phase::gather);
    tp.all_gather_v({own.data, static_cast<std::size_t>(tokens * mine)},
                    {all.data, static_cast<std::size_t>(total)},
                    {counts, offsets});
    context_.clock->count(io::Traffic::gather, tokens * mine * 4 * (tp.size() - 1));
  }
  for (int rank = 0; rank < tp.size(); ++rank) {
    Range const cols = part_of(spec_.hidden, rank, tp.size());
    float const* const block = all.data + offsets[static_cast<std::size_t>(rank)];
    kernels::copy_matrix(context_.exec,
                         {block, tokens, cols.size(), cols.size()},
                         columns_of(x, cols.first, cols.size()));
  }
}

/// `x` normalised, or `x` itself where there is no norm.
MatrixView<float const> Decoder::normalized(MatrixView<float> x, std::vector<float> const& norm) {
  if (norm.empty() || x.rows == 0) {
    return as_const(x);
  }
  MatrixView<float> const normed = normed_.rows(x.rows);
  kernels::rms_norm(context_.exec, as_const(x), norm, spec_.norm_epsilon, normed);
  return as_const(normed);
}

/// Adds what a part of a layer gave; `x`, normalised for what comes next, as normalized() has it.
MatrixView<float const> Decoder::add_to_residual(std::vector<float> const& out_norm,
                                                 MatrixView<float> x,
                                                 std::span<float const> next_norm) {
  MatrixView<float> const normed = normed_.rows(x.rows);
  kernels::add_rms_norm(context_.exec,
                        {.before = out_norm,
                         .after = next_norm,
                         .epsilon = spec_.norm_epsilon,
                         .factor = spec_.residual_scale},
                        delta_.rows(x.rows),
                        x,
                        normed);
  return as_const(next_norm.empty() ? x : normed);
}

void Decoder::run(StepBatch const& batch, MatrixView<float> x) {
  if (layers_.empty()) {
    return;
  }
  if (dispatch_) {
    dispatch_->begin_step(batch.most_routed);
  }
  MatrixView<float> const delta = delta_.rows(x.rows);
  std::int64_t const first = layers_of(spec_, context_.place).first;
  // What a layer takes is normalised with the addition before it: both are Phase::other.
  MatrixView<float const> normed = normalized(x, layers_.front()->weights->attention_norm);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    context_.clock->enter_layer(first + static_cast<std::int64_t>(i));
    Layer& layer = *layers_[i];
    LayerWeights const& weights = *layer.weights;
    if (x.rows > 0) {
      LayerBatch const own{.positions = batch.positions,
                           .paged = batch.groups[static_cast<std::size_t>(layer.kv.group)]};
      kernels::KvCache& cache = caches_[static_cast<std::size_t>(layer.kv.slot)];
      layer.attention.run(own, normed, cache, delta);
      normed = add_to_residual(weights.attention_out_norm, x, weights.feed_forward_norm);
    }
    if (layer.experts) {
      layer.experts->run(normed, delta);
    } else if (x.rows > 0) {
      layer.dense->run(normed, delta);
    }
    if (x.rows > 0) {
      normed = add_to_residual(weights.feed_forward_out_norm, x, norm_behind(i));
    }
    if (observer_) {
      observer_(as_const(x));
    }
  }
  context_.clock->enter_layer(-1);
}

/// Of what the layer behind a layer takes; empty: none, or no such layer in this stage.
std::span<float const> Decoder::norm_behind(std::size_t layer) const {
  if (layer + 1 == layers_.size()) {
    return {};
  }
  return layers_[layer + 1]->weights->attention_norm;
}

bool Decoder::is_recordable() const {
  kernels::Device const* const device = context_.exec.device;
  return device != nullptr && device->can_record() && !observer_ && !needs_host() &&
         traffic_->tp().is_recordable();
}

void Decoder::copy_blocks(std::span<kernels::KvBlockCopy const> copies) {
  for (kernels::KvCache& cache : caches_) {
    kernels::copy_kv_blocks(context_.exec, copies, cache);
  }
}

void Decoder::start_taking_routed() {
  if (moe_scratch_) {
    moe_scratch_->routed.start_taking();
  }
}

void Decoder::finish_taking_routed(std::vector<std::int64_t>& counts) {
  counts.clear();
  if (moe_scratch_) {
    moe_scratch_->routed.finish_taking(counts);
  }
}

void Decoder::take_routed(std::vector<std::int64_t>& counts) {
  start_taking_routed();
  finish_taking_routed(counts);
  if (dispatch_) {
    ExchangedElements const exchanged = dispatch_->take_exchanged();
    context_.clock->count(io::Traffic::expert_dispatch, exchanged.sent * 4);
    context_.clock->count(io::Traffic::expert_combine, exchanged.returned * 4);
  }
}

}  // namespace talus::runtime
