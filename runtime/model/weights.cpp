// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weights.hpp"

#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/model/weight_binder.hpp"

namespace talus::runtime {
namespace {

/// Binds the weights of one rank: which block of which tensor goes where.
class ModelBinder {
 public:
  ModelBinder(WeightBinder& binder, ModelSpec const& spec, ShardPlace const& place)
      : binder_{&binder}, spec_{&spec}, place_{place} {}

  void bind(ModelWeights& weights) {
    std::int64_t const hidden = spec_->hidden;
    if (place_.is_first_stage()) {
      binder_->table(weights.embedding,
                     "model.embed_tokens.weight",
                     spec_->vocab,
                     hidden,
                     part_of(hidden, place_.tp_rank, place_.tp_size));
    }
    Range const layers = layers_of(*spec_, place_);
    weights.layers.resize(static_cast<std::size_t>(layers.size()));
    for (std::int64_t i = layers.first; i < layers.last; ++i) {
      bind_layer(i, weights.layers[static_cast<std::size_t>(i - layers.first)]);
    }
    if (place_.is_last_stage()) {
      Range const rows = part_of(spec_->vocab, place_.tp_rank, place_.tp_size);
      char const* const head =
          spec_->tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
      binder_->vector(weights.final_norm, "model.norm.weight", hidden);
      binder_->matrix(
          weights.lm_head, rows.size(), hidden, {rows_block(head, spec_->vocab, hidden, rows, 0)});
    }
  }

 private:
  /// Rows of a tensor [tensor_rows, cols], to rows `at` and on of a matrix.
  static TensorBlock rows_block(
      std::string name, std::int64_t tensor_rows, std::int64_t cols, Range rows, std::int64_t at) {
    return {.name = std::move(name),
            .tensor_rows = tensor_rows,
            .tensor_cols = cols,
            .rows = rows,
            .cols = {0, cols},
            .origin = {at, 0}};
  }

  /// Columns of a tensor [rows, tensor_cols], as a whole matrix.
  static TensorBlock cols_block(std::string name,
                                std::int64_t rows,
                                std::int64_t tensor_cols,
                                Range cols) {
    return {.name = std::move(name),
            .tensor_rows = rows,
            .tensor_cols = tensor_cols,
            .rows = {0, rows},
            .cols = cols,
            .origin = {}};
  }

  void bind_layer(std::int64_t number, LayerWeights& weights) {
    LayerSpec const& layer = spec_->layers[static_cast<std::size_t>(number)];
    std::string const prefix = concat("model.layers.", number, '.');
    binder_->vector(weights.attention_norm, prefix + "input_layernorm.weight", spec_->hidden);
    binder_->vector(
        weights.feed_forward_norm, prefix + "post_attention_layernorm.weight", spec_->hidden);
    if (layer.attention.kind == AttentionKind::latent) {
      bind_latent(layer.attention, prefix + "self_attn.", weights.attention);
    } else {
      bind_grouped_query(layer.attention, prefix + "self_attn.", weights.attention);
    }
    bind_output(layer.attention, prefix + "self_attn.", weights.attention);
    if (layer.feed_forward.moe) {
      bind_experts(*layer.feed_forward.moe, prefix + "mlp.", weights);
    } else {
      bind_feed_forward(layer.feed_forward.intermediate, prefix + "mlp.", weights.feed_forward);
    }
  }

  void bind_grouped_query(AttentionSpec const& attention,
                          std::string const& prefix,
                          AttentionWeights& weights) {
    std::int64_t const hidden = spec_->hidden;
    std::int64_t const dim = attention.head_dim;
    Range const heads = heads_of(attention, place_);
    Range const kv_heads = kv_heads_of(attention, place_);
    Range const q_rows{heads.first * dim, heads.last * dim};
    Range const kv_rows{kv_heads.first * dim, kv_heads.last * dim};
    std::int64_t const all_q = attention.heads * dim;
    std::int64_t const all_kv = attention.kv_heads * dim;
    binder_->matrix(
        weights.qkv,
        q_rows.size() + 2 * kv_rows.size(),
        hidden,
        {rows_block(prefix + "q_proj.weight", all_q, hidden, q_rows, 0),
         rows_block(prefix + "k_proj.weight", all_kv, hidden, kv_rows, q_rows.size()),
         rows_block(
             prefix + "v_proj.weight", all_kv, hidden, kv_rows, q_rows.size() + kv_rows.size())});
    if (attention.qk_norm) {
      binder_->vector(weights.q_norm, prefix + "q_norm.weight", dim);
      binder_->vector(weights.k_norm, prefix + "k_norm.weight", dim);
    }
  }

  void bind_latent(AttentionSpec const& attention,
                   std::string const& prefix,
                   AttentionWeights& weights) {
    std::int64_t const hidden = spec_->hidden;
    std::int64_t const latent = attention.kv_lora_rank;
    Range const heads = heads_of(attention, place_);
    Range const q_rows{heads.first * attention.head_dim, heads.last * attention.head_dim};
    std::int64_t const all_q = attention.heads * attention.head_dim;
    bool const compressed = attention.q_lora_rank > 0;
    if (compressed) {
      std::int64_t const rank = attention.q_lora_rank;
      binder_->matrix(weights.q_a,
                      rank,
                      hidden,
                      {rows_block(prefix + "q_a_proj.weight", rank, hidden, {0, rank}, 0)});
      binder_->vector(weights.q_a_norm, prefix + "q_a_layernorm.weight", rank);
    }
    std::int64_t const q_in = compressed ? attention.q_lora_rank : hidden;
    binder_->matrix(
        weights.q,
        q_rows.size(),
        q_in,
        {rows_block(
            prefix + (compressed ? "q_b_proj.weight" : "q_proj.weight"), all_q, q_in, q_rows, 0)});
    std::int64_t const kv_a_rows = latent + attention.rope.rotary_dim;
    binder_->matrix(
        weights.kv_a,
        kv_a_rows,
        hidden,
        {rows_block(prefix + "kv_a_proj_with_mqa.weight", kv_a_rows, hidden, {0, kv_a_rows}, 0)});
    binder_->vector(weights.kv_a_norm, prefix + "kv_a_layernorm.weight", latent);
    bind_latent_heads(attention, prefix + "kv_b_proj.weight", heads, weights);
  }

  /// kv_b_proj stacks, head by head, the map of the latent to the key's unrotated part and to the
  /// value. The first is absorbed into the query, so it is needed transposed.
  void bind_latent_heads(AttentionSpec const& attention,
                         std::string const& name,
                         Range heads,
                         AttentionWeights& weights) {
    std::int64_t const latent = attention.kv_lora_rank;
    std::int64_t const nope = attention.nope_dim;
    std::int64_t const per_head = nope + attention.value_dim;
    weights.key_up.resize(static_cast<std::size_t>(heads.size()));
    weights.value_up.resize(static_cast<std::size_t>(heads.size()));
    for (std::int64_t h = heads.first; h < heads.last; ++h) {
      auto const at = static_cast<std::size_t>(h - heads.first);
      std::int64_t const row = h * per_head;
      TensorBlock key = rows_block(name, attention.heads * per_head, latent, {row, row + nope}, 0);
      key.transposed = true;
      binder_->matrix(weights.key_up[at], latent, nope, {std::move(key)});
      binder_->matrix(
          weights.value_up[at],
          attention.value_dim,
          latent,
          {rows_block(name, attention.heads * per_head, latent, {row + nope, row + per_head}, 0)});
    }
  }

  void bind_output(AttentionSpec const& attention,
                   std::string const& prefix,
                   AttentionWeights& weights) {
    Range const cols = head_cut(attention, place_).columns;
    binder_->matrix(
        weights.out,
        spec_->hidden,
        cols.size(),
        {cols_block(
            prefix + "o_proj.weight", spec_->hidden, attention.heads * attention.value_dim, cols)});
  }

  void bind_feed_forward(std::int64_t intermediate,
                         std::string const& prefix,
                         FeedForwardWeights& weights) {
    bind_swiglu(intermediate,
                feed_forward_cut(intermediate, place_).columns,
                prefix,
                weights.gate_up,
                weights.down);
  }

  void bind_swiglu(std::int64_t intermediate,
                   Range cols,
                   std::string const& prefix,
                   kernels::PackedWeights& gate_up,
                   kernels::PackedWeights& down) {
    std::int64_t const hidden = spec_->hidden;
    binder_->matrix(
        gate_up,
        2 * cols.size(),
        hidden,
        {rows_block(prefix + "gate_proj.weight", intermediate, hidden, cols, 0),
         rows_block(prefix + "up_proj.weight", intermediate, hidden, cols, cols.size())});
    binder_->matrix(down,
                    hidden,
                    cols.size(),
                    {cols_block(prefix + "down_proj.weight", hidden, intermediate, cols)});
  }

  void bind_experts(MoeSpec const& moe, std::string const& prefix, LayerWeights& weights) {
    std::int64_t const experts = moe.num_experts;
    binder_->exact_matrix(
        weights.moe.router,
        experts,
        spec_->hidden,
        {rows_block(prefix + "gate.weight", experts, spec_->hidden, {0, experts}, 0)});
    if (moe.has_correction_bias) {
      binder_->vector(weights.moe.bias, prefix + "gate.e_score_correction_bias", experts);
    }
    Range const local = experts_of(moe, place_);
    weights.moe.gate_up.resize(static_cast<std::size_t>(local.size()));
    weights.moe.down.resize(static_cast<std::size_t>(local.size()));
    for (std::int64_t e = local.first; e < local.last; ++e) {
      auto const at = static_cast<std::size_t>(e - local.first);
      bind_swiglu(moe.intermediate,
                  {0, moe.intermediate},
                  concat(prefix, "experts.", e, '.'),
                  weights.moe.gate_up[at],
                  weights.moe.down[at]);
    }
    if (moe.shared_intermediate > 0) {
      bind_feed_forward(moe.shared_intermediate, prefix + "shared_experts.", weights.feed_forward);
    }
  }

  WeightBinder* binder_;
  ModelSpec const* spec_;
  ShardPlace place_;
};

/// Layers that a checkpoint carries beyond the model's own: drafts for speculation.
bool is_beyond_the_layers(std::string const& name, ModelSpec const& spec) {
  std::string const prefix = "model.layers.";
  if (name.rfind(prefix, 0) != 0) {
    return false;
  }
  std::size_t number = 0;
  auto const [end, error] =
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
  return error == std::errc{} && number >= spec.layers.size();
}

}  // namespace

std::int64_t weight_bytes(kernels::ExecContext const& exec,
                          ModelSpec const& spec,
                          ShardPlace const& place,
                          DType dtype) {
  WeightBinder binder{exec, dtype};
  ModelWeights weights;
  ModelBinder{binder, spec, place}.bind(weights);
  return binder.bytes();
}

LoadedWeights load_weights(parallel::Communicator const& comm,
                           io::Checkpoint const& checkpoint,
                           kernels::ExecContext const& exec,
                           ModelSpec const& spec,
                           ShardPlace const& place,
                           DType dtype,
                           io::LoadOptions const& options) {
  WeightBinder binder{exec, dtype};
  LoadedWeights loaded;
  ModelBinder{binder, spec, place}.bind(loaded.weights);
  std::vector<io::TensorDemand> const demands = binder.make_demands();
  loaded.report = io::load_tensors(comm, checkpoint, demands, options);
  return loaded;
}

TensorNames compare_names(io::Checkpoint const& checkpoint, ModelSpec const& spec) {
  WeightBinder binder{{}, DType::f32};
  ModelWeights weights;
  ModelBinder{binder, spec, ShardPlace{}}.bind(weights);
  std::set<std::string> const needed{binder.names().begin(), binder.names().end()};
  TensorNames names;
  for (std::string const& name : needed) {
    if (checkpoint.find(name) == nullptr) {
      names.missing.push_back(name);
    }
  }
  for (io::TensorInfo const& tensor : checkpoint.tensors()) {
    bool const is_spare_head = tensor.name == "lm_head.weight" && spec.tied_embeddings;
    if (!needed.contains(tensor.name) && !is_spare_head &&
        !is_beyond_the_layers(tensor.name, spec)) {
      names.unknown.push_back(tensor.name);
    }
  }
  return names;
}

}  // namespace talus::runtime
