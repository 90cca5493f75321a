// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/attention_layer.hpp"

#include <utility>

#include "kernels/biased_matmul.hpp"
#include "kernels/copy_heads.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/matmul.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"

namespace talus::runtime {

AttentionScratch::AttentionScratch(LayerContext const& context,
                                   AttentionSpec const& attention,
                                   GroupTraffic& tp,
                                   std::int64_t max_tokens) {
  auto const make = [&](std::int64_t columns) {
    return Activations{context.exec, max_tokens, columns};
  };
  std::int64_t const heads = heads_of(attention, context.place).size();
  out = make(heads * attention.value_dim);
  if (attention.kind == AttentionKind::grouped_query) {
    std::int64_t const kv_heads = kv_heads_of(attention, context.place).size();
    qkv = make((heads + 2 * kv_heads) * attention.head_dim);
    if (attention.qk_norm == QkNorm::whole) {
      whole_norm.emplace(context, attention, tp, max_tokens);
    }
    return;
  }
  std::int64_t const key_dim = attention.kv_lora_rank + attention.rope.rotary_dim;
  qkv = make(heads * attention.head_dim);
  q_low = make(attention.q_lora_rank);
  latent = make(key_dim);
  q_latent = make(heads * key_dim);
  o_latent = make(heads * attention.kv_lora_rank);
}

AttentionLayer::AttentionLayer(LayerContext const& context,
                               AttentionSpec const& spec,
                               AttentionWeights const& weights,
                               RowParallel& projection,
                               AttentionScratch& scratch,
                               std::shared_ptr<RopeTables const> rope)
    : context_{context},
      spec_{spec},
      heads_{heads_of(spec, context.place)},
      kv_heads_{kv_heads_of(spec, context.place)},
      cut_{head_cut(spec, context.place)},
      weights_{&weights},
      projection_{&projection},
      scratch_{&scratch},
      rope_{std::move(rope)} {}

void AttentionLayer::run(LayerBatch const& batch,
                         MatrixView<float const> x,
                         kernels::KvCache& cache,
                         MatrixView<float> out) {
  auto const timed = context_.clock->scope(io::Phase::attention);
  if (spec_.kind == AttentionKind::latent) {
    run_latent(batch, x, cache);
  } else {
    run_grouped_query(batch, x, cache);
  }
  projection_->apply(
      cut_, as_const(scratch_->out.rows(x.rows)), weights_->out, out, *context_.clock);
  if (spec_.out_bias) {
    kernels::add_bias(context_.exec, weights_->out_bias, out);
  }
}

void AttentionLayer::run_grouped_query(LayerBatch const& batch,
                                       MatrixView<float const> x,
                                       kernels::KvCache& cache) {
  kernels::ExecContext const& exec = context_.exec;
  std::int64_t const dim = spec_.head_dim;
  std::int64_t const q_cols = heads_.size() * dim;
  std::int64_t const kv_cols = kv_heads_.size() * dim;
  MatrixView<float> const qkv = scratch_->qkv.rows(x.rows);
  MatrixView<float> const q = columns_of(qkv, 0, q_cols);
  MatrixView<float> const k = columns_of(qkv, q_cols, kv_cols);
  MatrixView<float> const v = columns_of(qkv, q_cols + kv_cols, kv_cols);

  std::span<float const> const bias = weights_->qkv_bias;
  kernels::biased_matmul(
      exec, x, weights_->qkv, spec_.qkv_bias ? bias : std::span<float const>{}, qkv);
  normalize(q, k);
  rotate(batch, q, k);
  kernels::store_kv(exec, batch.paged, as_const(k), as_const(v), cache);
  kernels::paged_attention(
      exec, batch.paged, attention_heads(), as_const(q), cache, scratch_->out.rows(x.rows));
}

void AttentionLayer::normalize(MatrixView<float> q, MatrixView<float> k) {
  switch (spec_.qk_norm) {
    case QkNorm::none:
      return;
    case QkNorm::head:
      kernels::rms_norm(context_.exec, as_const(q), weights_->q_norm, context_.norm_epsilon, q);
      kernels::rms_norm(context_.exec, as_const(k), weights_->k_norm, context_.norm_epsilon, k);
      return;
    case QkNorm::whole:
      scratch_->whole_norm->run(*weights_, q, k);
      return;
  }
}

void AttentionLayer::rotate(LayerBatch const& batch, MatrixView<float> q, MatrixView<float> k) {
  if (spec_.rope.rotary_dim == 0) {
    return;
  }
  kernels::RopeLayout layout{.num_heads = heads_.size(),
                             .head_stride = spec_.head_dim,
                             .offset = 0,
                             .rotary_dim = spec_.rope.rotary_dim,
                             .pairs = spec_.rope.pairs};
  kernels::rope(context_.exec, q, batch.positions, rope_->queries(), layout);
  layout.num_heads = kv_heads_.size();
  kernels::rope(context_.exec, k, batch.positions, rope_->keys(), layout);
}

kernels::AttentionHeads AttentionLayer::attention_heads() const {
  bool const is_latent = spec_.kind == AttentionKind::latent;
  return {.num_heads = heads_.size(),
          .first_head = heads_.first,
          .heads_per_kv_head = is_latent ? spec_.heads : spec_.heads / spec_.kv_heads,
          .first_kv_head = is_latent ? 0 : kv_heads_.first,
          .scale = spec_.scale,
          .window = spec_.window,
          .soft_cap = spec_.soft_cap,
          .sinks = weights_->sinks};
}

MatrixView<float> AttentionLayer::latent_queries(LayerBatch const& batch,
                                                 MatrixView<float const> x) {
  kernels::ExecContext const& exec = context_.exec;
  std::int64_t const key_dim = spec_.kv_lora_rank + spec_.rope.rotary_dim;
  MatrixView<float> const q = scratch_->qkv.rows(x.rows);
  if (spec_.q_lora_rank > 0) {
    MatrixView<float> const low = scratch_->q_low.rows(x.rows);
    kernels::matmul(exec, x, weights_->q_a, low);
    kernels::rms_norm(exec, as_const(low), weights_->q_a_norm, context_.latent_norm_epsilon, low);
    kernels::matmul(exec, as_const(low), weights_->q, q);
  } else {
    kernels::matmul(exec, x, weights_->q, q);
  }
  kernels::rope(exec,
                q,
                batch.positions,
                rope_->queries(),
                {.num_heads = heads_.size(),
                 .head_stride = spec_.head_dim,
                 .offset = spec_.nope_dim,
                 .rotary_dim = spec_.rope.rotary_dim,
                 .pairs = spec_.rope.pairs});
  MatrixView<float> const absorbed = scratch_->q_latent.rows(x.rows);
  kernels::matmul_heads(exec,
                        as_const(q),
                        weights_->key_up,
                        {.in_stride = spec_.head_dim, .in_offset = 0, .out_stride = key_dim},
                        absorbed);
  kernels::copy_heads(exec,
                      {.num_heads = heads_.size(),
                       .width = spec_.rope.rotary_dim,
                       .in_stride = spec_.head_dim,
                       .in_offset = spec_.nope_dim,
                       .out_stride = key_dim,
                       .out_offset = spec_.kv_lora_rank},
                      as_const(q),
                      absorbed);
  return absorbed;
}

void AttentionLayer::run_latent(LayerBatch const& batch,
                                MatrixView<float const> x,
                                kernels::KvCache& cache) {
  kernels::ExecContext const& exec = context_.exec;
  std::int64_t const rank = spec_.kv_lora_rank;
  MatrixView<float> const latent = scratch_->latent.rows(x.rows);
  MatrixView<float> const unrotated = columns_of(latent, 0, rank);
  kernels::matmul(exec, x, weights_->kv_a, latent);
  kernels::rms_norm(
      exec, as_const(unrotated), weights_->kv_a_norm, context_.latent_norm_epsilon, unrotated);
  kernels::rope(exec,
                latent,
                batch.positions,
                rope_->keys(),
                {.num_heads = 1,
                 .head_stride = latent.cols,
                 .offset = rank,
                 .rotary_dim = spec_.rope.rotary_dim,
                 .pairs = spec_.rope.pairs});
  kernels::store_kv(exec, batch.paged, as_const(latent), {}, cache);

  MatrixView<float> const q = latent_queries(batch, x);
  MatrixView<float> const weighted = scratch_->o_latent.rows(x.rows);
  kernels::paged_attention(exec, batch.paged, attention_heads(), as_const(q), cache, weighted);
  kernels::matmul_heads(exec,
                        as_const(weighted),
                        weights_->value_up,
                        {.in_stride = rank, .in_offset = 0, .out_stride = spec_.value_dim},
                        scratch_->out.rows(x.rows));
}

}  // namespace talus::runtime
