// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/model/model_binder.hpp"

namespace talus::runtime {
namespace {

/// The names of a feed-forward's projections.
struct ProjectionNames {
  std::string gate;  ///< without ".weight"
  std::string up;
  std::string down;
};

/// A feed-forward of which this rank has the columns `cols` of its intermediate axis.
struct FeedForwardPart {
  ProjectionNames names;
  std::int64_t intermediate = 0;
  Range cols;
  bool is_gated = true;
  bool is_fused = false;      ///< gates and ups in one tensor, named as the gates
  bool is_down_whole = true;  ///< no leaf of the sum over `intermediate` cuts a chunk of codes
};

/// Whether the leaves of a sum over `intermediate` are whole chunks of codes: see feed_forward_cut.
bool has_whole_chunks(std::int64_t intermediate) {
  return intermediate % kernels::quant_chunk == 0;
}

ProjectionNames usual_names(std::string const& prefix) {
  return {prefix + "gate_proj", prefix + "up_proj", prefix + "down_proj"};
}

/// Where the rows of a projection lie in the checkpoint.
struct Source {
  std::string name;
  std::int64_t tensor_rows = 0;
  Range rows;
};

/// Gates and ups; only ups where nothing is gated.
std::vector<Source> sources_of(FeedForwardPart const& part) {
  if (!part.is_gated) {
    return {{part.names.up, part.intermediate, part.cols}};
  }
  if (part.is_fused) {
    return {{part.names.gate, 2 * part.intermediate, part.cols},
            {part.names.gate, 2 * part.intermediate, shifted(part.cols, part.intermediate)}};
  }
  return {{part.names.gate, part.intermediate, part.cols},
          {part.names.up, part.intermediate, part.cols}};
}

void bind_part(WeightBinder& binder,
               std::int64_t hidden,
               FeedForwardPart const& part,
               std::pair<kernels::PackedWeights*, kernels::PackedWeights*> targets) {
  std::vector<TensorBlock> blocks;
  std::int64_t at = 0;
  for (Source const& source : sources_of(part)) {
    blocks.push_back(
        rows_block(source.name + ".weight", source.tensor_rows, hidden, source.rows, at));
    at += source.rows.size();
  }
  binder.matrix(*targets.first, MatrixRole::layer, {at, hidden}, std::move(blocks));
  binder.matrix(*targets.second,
                part.is_down_whole ? MatrixRole::layer : MatrixRole::plain,
                {hidden, part.cols.size()},
                {cols_block(part.names.down + ".weight", hidden, part.intermediate, part.cols)});
}

void bind_biases(WeightBinder& binder,
                 std::int64_t hidden,
                 FeedForwardPart const& part,
                 FeedForwardWeights& weights) {
  std::vector<VectorBlock> blocks;
  std::int64_t at = 0;
  for (Source const& source : sources_of(part)) {
    blocks.push_back(vector_block(source.name + ".bias", source.tensor_rows, source.rows, at));
    at += source.rows.size();
  }
  binder.vector(weights.gate_up_bias, at, std::move(blocks));
  binder.vector(
      weights.down_bias, hidden, {vector_block(part.names.down + ".bias", hidden, {0, hidden}, 0)});
}

void bind_dense(WeightBinder& binder, LayerPlace const& at, FeedForwardWeights& weights) {
  FeedForwardSpec const& spec = at.layer.feed_forward;
  std::string const prefix = at.prefix + "mlp.";
  FeedForwardPart part{usual_names(prefix),
                       spec.intermediate,
                       feed_forward_cut(spec.intermediate, at.place).columns,
                       spec.activation.is_gated(),
                       at.spec.names.fused_gate_up,
                       has_whole_chunks(spec.intermediate)};
  if (part.is_fused) {
    part.names.gate = prefix + "gate_up_proj";
  }
  bind_part(binder, at.spec.hidden, part, {&weights.gate_up, &weights.down});
  if (spec.bias) {
    bind_biases(binder, at.spec.hidden, part, weights);
  }
  if (spec.activation.kind == kernels::ActivationKind::xielu) {
    std::vector<VectorBlock> parameters;
    for (char const* const name : {"alpha_p", "alpha_n", "beta", "eps"}) {
      parameters.push_back(vector_block(concat(prefix, "act_fn.", name),
                                        1,
                                        {0, 1},
                                        static_cast<std::int64_t>(parameters.size())));
    }
    binder.vector(weights.xielu, 4, std::move(parameters));
  }
}

/// Expert `e` of [experts, in, out] tensors, gates and ups alternating.
void bind_stacked_expert(WeightBinder& binder,
                         LayerPlace const& at,
                         std::int64_t e,
                         std::pair<kernels::PackedWeights*, kernels::PackedWeights*> targets) {
  MoeSpec const& moe = *at.layer.feed_forward.moe;
  std::string const prefix = at.prefix + at.spec.names.experts;
  std::int64_t const hidden = at.spec.hidden;
  std::int64_t const width = moe.intermediate;
  auto const stacked = [&](std::string name, std::int64_t in, std::int64_t out) {
    TensorBlock block = rows_block(std::move(name), moe.num_experts, in * out, {e, e + 1}, 0);
    block.transposed = true;
    block.stacked_cols = out;
    return block;
  };
  TensorBlock gate_up = stacked(prefix + "gate_up_proj", hidden, 2 * width);
  gate_up.order = OutputOrder::alternating;
  binder.matrix(*targets.first, MatrixRole::layer, {2 * width, hidden}, {std::move(gate_up)});
  binder.matrix(*targets.second,
                MatrixRole::layer,
                {hidden, width},
                {stacked(prefix + "down_proj", width, hidden)});
}

void bind_expert_biases(WeightBinder& binder,
                        LayerPlace const& at,
                        Range local,
                        MoeWeights& weights) {
  MoeSpec const& moe = *at.layer.feed_forward.moe;
  std::string const prefix = at.prefix + at.spec.names.experts;
  std::int64_t const hidden = at.spec.hidden;
  std::int64_t const width = 2 * moe.intermediate;
  weights.gate_up_bias.resize(static_cast<std::size_t>(local.size()));
  weights.down_bias.resize(static_cast<std::size_t>(local.size()));
  for (std::int64_t e = local.first; e < local.last; ++e) {
    auto const i = static_cast<std::size_t>(e - local.first);
    Range const row{e, e + 1};
    binder.vector(
        weights.gate_up_bias[i],
        width,
        {{prefix + "gate_up_proj_bias", moe.num_experts, width, row, 0, OutputOrder::alternating}});
    binder.vector(weights.down_bias[i],
                  hidden,
                  {{prefix + "down_proj_bias", moe.num_experts, hidden, row, 0}});
  }
}

void bind_router(WeightBinder& binder, LayerPlace const& at, MoeWeights& weights) {
  MoeSpec const& moe = *at.layer.feed_forward.moe;
  WeightNames const& names = at.spec.names;
  std::int64_t const experts = moe.num_experts;
  std::int64_t const hidden = at.spec.hidden;
  std::string const router = at.prefix + names.router;
  binder.matrix(weights.router,
                MatrixRole::router,
                {experts, hidden},
                {rows_block(router + "weight", experts, hidden, {0, experts}, 0)});
  auto const bind_vector = [&](std::vector<float>& target, std::string const& name) {
    binder.vector(target, experts, {vector_block(name, experts, {0, experts}, 0)});
  };
  if (moe.router_bias) {
    bind_vector(weights.router_bias, router + "bias");
  }
  if (moe.has_correction_bias) {
    bind_vector(weights.correction_bias, at.prefix + names.correction_bias);
  }
}

void bind_experts(WeightBinder& binder, LayerPlace const& at, MoeWeights& weights) {
  MoeSpec const& moe = *at.layer.feed_forward.moe;
  WeightNames const& names = at.spec.names;
  Range const local = experts_of(moe, at.place);
  weights.gate_up.resize(static_cast<std::size_t>(local.size()));
  weights.down.resize(static_cast<std::size_t>(local.size()));
  for (std::int64_t e = local.first; e < local.last; ++e) {
    auto const i = static_cast<std::size_t>(e - local.first);
    if (names.stacked_experts) {
      bind_stacked_expert(binder, at, e, {&weights.gate_up[i], &weights.down[i]});
      continue;
    }
    std::string const prefix = concat(at.prefix, names.experts, e, '.');
    bind_part(binder,
              at.spec.hidden,
              {{prefix + names.gate, prefix + names.up, prefix + names.down},
               moe.intermediate,
               {0, moe.intermediate}},
              {&weights.gate_up[i], &weights.down[i]});
  }
  if (moe.expert_bias) {
    bind_expert_biases(binder, at, local, weights);
  }
}

}  // namespace

void bind_feed_forward(WeightBinder& binder, LayerPlace const& at, LayerWeights& weights) {
  if (!at.layer.feed_forward.moe) {
    bind_dense(binder, at, weights.feed_forward);
    return;
  }
  MoeSpec const& moe = *at.layer.feed_forward.moe;
  bind_router(binder, at, weights.moe);
  binder.set_part(WeightPart::experts);
  bind_experts(binder, at, weights.moe);
  binder.set_part(WeightPart::shard);
  if (moe.shared_intermediate > 0) {
    FeedForwardWeights& shared = weights.feed_forward;
    bind_part(binder,
              at.spec.hidden,
              {usual_names(at.prefix + at.spec.names.shared_experts),
               moe.shared_intermediate,
               feed_forward_cut(moe.shared_intermediate, at.place).columns,
               true,
               false,
               has_whole_chunks(moe.shared_intermediate)},
              {&shared.gate_up, &shared.down});
  }
}

}  // namespace talus::runtime
