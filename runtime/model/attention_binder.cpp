// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "runtime/model/model_binder.hpp"

namespace talus::runtime {
namespace {

/// Rows of one of the query, key and value projections: where they lie in the checkpoint, and where
/// they go in this rank's matrix of all three.
struct Projection {
  std::string name;              ///< without ".weight"
  std::int64_t tensor_rows = 0;  ///< of the whole tensor
  Range rows;                    ///< of the tensor
  std::int64_t at = 0;           ///< row of the rank's matrix
};

/// A rank's queries, keys and values, of three tensors or of a fused one.
std::vector<Projection> projections(LayerPlace const& at) {
  AttentionSpec const& attention = at.layer.attention;
  std::int64_t const dim = attention.head_dim;
  Range const q = spread(heads_of(attention, at.place), dim);
  Range const kv = spread(kv_heads_of(attention, at.place), dim);
  std::int64_t const all_q = attention.heads * dim;
  std::int64_t const all_kv = attention.kv_heads * dim;
  std::int64_t const k_at = q.size();
  std::int64_t const v_at = q.size() + kv.size();
  std::string const prefix = at.prefix + "self_attn.";
  if (at.spec.names.fused_qkv) {
    std::int64_t const all = all_q + 2 * all_kv;
    std::string const name = prefix + "qkv_proj";
    return {{name, all, q, 0},
            {name, all, shifted(kv, all_q), k_at},
            {name, all, shifted(kv, all_q + all_kv), v_at}};
  }
  return {{prefix + "q_proj", all_q, q, 0},
          {prefix + "k_proj", all_kv, kv, k_at},
          {prefix + "v_proj", all_kv, kv, v_at}};
}

/// The norm of queries or keys: of each head alike, or this rank's part of one over all heads.
void bind_qk_norm(WeightBinder& binder,
                  LayerPlace const& at,
                  std::pair<std::string, Range> const& norm,
                  std::int64_t all_heads,
                  std::vector<float>& weights) {
  auto const& [name, heads] = norm;
  std::int64_t const dim = at.layer.attention.head_dim;
  bool const is_whole = at.layer.attention.qk_norm == QkNorm::whole;
  Range const rows = is_whole ? spread(heads, dim) : Range{0, dim};
  std::int64_t const size = is_whole ? all_heads * dim : dim;
  binder.vector(weights,
                rows.size(),
                {vector_block(at.prefix + "self_attn." + name, size, rows, 0)},
                at.spec.norm_offset);
}

void bind_grouped_query(WeightBinder& binder, LayerPlace const& at, AttentionWeights& weights) {
  AttentionSpec const& attention = at.layer.attention;
  std::int64_t const hidden = at.spec.hidden;
  Range const heads = heads_of(attention, at.place);
  Range const kv_heads = kv_heads_of(attention, at.place);
  std::int64_t const rows = (heads.size() + 2 * kv_heads.size()) * attention.head_dim;
  std::vector<TensorBlock> matrices;
  std::vector<VectorBlock> biases;
  for (Projection const& part : projections(at)) {
    matrices.push_back(
        rows_block(part.name + ".weight", part.tensor_rows, hidden, part.rows, part.at));
    biases.push_back(vector_block(part.name + ".bias", part.tensor_rows, part.rows, part.at));
  }
  binder.matrix(weights.qkv, MatrixRole::layer, {rows, hidden}, std::move(matrices));
  if (attention.qkv_bias) {
    binder.vector(weights.qkv_bias, rows, std::move(biases));
  }
  if (attention.qk_norm != QkNorm::none) {
    bind_qk_norm(binder, at, {"q_norm.weight", heads}, attention.heads, weights.q_norm);
    bind_qk_norm(binder, at, {"k_norm.weight", kv_heads}, attention.kv_heads, weights.k_norm);
  }
  if (attention.sinks) {
    binder.vector(weights.sinks,
                  heads.size(),
                  {vector_block(at.prefix + "self_attn.sinks", attention.heads, heads, 0)});
  }
}

/// kv_b_proj stacks, head by head, the map of the latent to the key's unrotated part and to the
/// value. The first is absorbed into the query, so it is needed transposed.
void bind_latent_heads(WeightBinder& binder, LayerPlace const& at, AttentionWeights& weights) {
  AttentionSpec const& attention = at.layer.attention;
  std::string const name = at.prefix + "self_attn.kv_b_proj.weight";
  Range const heads = heads_of(attention, at.place);
  std::int64_t const latent = attention.kv_lora_rank;
  std::int64_t const nope = attention.nope_dim;
  std::int64_t const per_head = nope + attention.value_dim;
  std::int64_t const all_rows = attention.heads * per_head;
  weights.key_up.resize(static_cast<std::size_t>(heads.size()));
  weights.value_up.resize(static_cast<std::size_t>(heads.size()));
  for (std::int64_t h = heads.first; h < heads.last; ++h) {
    auto const i = static_cast<std::size_t>(h - heads.first);
    std::int64_t const row = h * per_head;
    TensorBlock key = rows_block(name, all_rows, latent, {row, row + nope}, 0);
    key.transposed = true;
    binder.matrix(weights.key_up[i], MatrixRole::plain, {latent, nope}, {std::move(key)});
    binder.matrix(weights.value_up[i],
                  MatrixRole::plain,
                  {attention.value_dim, latent},
                  {rows_block(name, all_rows, latent, {row + nope, row + per_head}, 0)});
  }
}

void bind_latent(WeightBinder& binder, LayerPlace const& at, AttentionWeights& weights) {
  AttentionSpec const& attention = at.layer.attention;
  std::string const prefix = at.prefix + "self_attn.";
  std::int64_t const hidden = at.spec.hidden;
  auto const bind_whole =
      [&](kernels::PackedWeights& matrix, std::int64_t rows, std::string const& name) {
        binder.matrix(matrix,
                      MatrixRole::layer,
                      {rows, hidden},
                      {rows_block(prefix + name, rows, hidden, {0, rows}, 0)});
      };
  auto const bind_norm = [&](std::vector<float>& norm, std::int64_t size, std::string const& name) {
    binder.vector(norm, size, {vector_block(prefix + name, size, {0, size}, 0)});
  };
  bool const compressed = attention.q_lora_rank > 0;
  if (compressed) {
    bind_whole(weights.q_a, attention.q_lora_rank, "q_a_proj.weight");
    bind_norm(weights.q_a_norm, attention.q_lora_rank, "q_a_layernorm.weight");
  }
  Range const q_rows = spread(heads_of(attention, at.place), attention.head_dim);
  std::int64_t const q_in = compressed ? attention.q_lora_rank : hidden;
  binder.matrix(weights.q,
                MatrixRole::layer,
                {q_rows.size(), q_in},
                {rows_block(prefix + (compressed ? "q_b_proj.weight" : "q_proj.weight"),
                            attention.heads * attention.head_dim,
                            q_in,
                            q_rows,
                            0)});
  bind_whole(weights.kv_a,
             attention.kv_lora_rank + attention.rope.rotary_dim,
             "kv_a_proj_with_mqa.weight");
  bind_norm(weights.kv_a_norm, attention.kv_lora_rank, "kv_a_layernorm.weight");
  bind_latent_heads(binder, at, weights);
}

}  // namespace

void bind_attention(WeightBinder& binder, LayerPlace const& at, AttentionWeights& weights) {
  AttentionSpec const& attention = at.layer.attention;
  if (attention.kind == AttentionKind::latent) {
    bind_latent(binder, at, weights);
  } else {
    bind_grouped_query(binder, at, weights);
  }
  Range const cols = head_cut(attention, at.place).columns;
  std::int64_t const hidden = at.spec.hidden;
  std::string const out = at.prefix + "self_attn.o_proj.";
  // Every head is a leaf of the sum, and leaves of codes are whole chunks.
  bool const has_whole_chunks = attention.value_dim % kernels::quant_chunk == 0;
  binder.matrix(weights.out,
                has_whole_chunks ? MatrixRole::layer : MatrixRole::plain,
                {hidden, cols.size()},
                {cols_block(out + "weight", hidden, attention.heads * attention.value_dim, cols)});
  if (attention.out_bias) {
    binder.vector(weights.out_bias, hidden, {vector_block(out + "bias", hidden, {0, hidden}, 0)});
  }
}

}  // namespace talus::runtime
