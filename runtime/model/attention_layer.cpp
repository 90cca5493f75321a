// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/attention_layer.hpp"

#include <array>
#include <utility>

#include "kernels/biased_matmul.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/joint_matmul.hpp"
#include "kernels/matmul.hpp"
#include "kernels/rms_norm.hpp"

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
  bool const is_whole = spec_.qk_norm == QkNorm::whole;
  std::span<float const> bias;
  if (spec_.qkv_bias) {
    bias = weights_->qkv_bias;
  }
  if (is_whole) {
    kernels::biased_matmul(exec, x, weights_->qkv, bias, qkv);
    scratch_->whole_norm->run(*weights_, q, k);
    bias = {};
  } else {
    bias = kernels::matmul_before_bias(exec, x, weights_->qkv, bias, qkv);
  }
  kernels::prepare_heads(exec, head_inputs(batch, bias), batch.paged, qkv, cache);
  kernels::paged_attention(
      exec, batch.paged, attention_heads(), as_const(q), cache, scratch_->out.rows(x.rows));
}

kernels::HeadInputs AttentionLayer::head_inputs(LayerBatch const& batch,
                                                std::span<float const> bias) const {
  kernels::HeadInputs inputs{.num_heads = heads_.size(),
                             .num_kv_heads = kv_heads_.size(),
                             .head_dim = spec_.head_dim,
                             .bias = bias,
                             .epsilon = context_.norm_epsilon,
                             .rotation = rotation(batch)};
  if (spec_.qk_norm == QkNorm::head) {
    inputs.q_norm = weights_->q_norm;
    inputs.k_norm = weights_->k_norm;
  }
  return inputs;
}

kernels::HeadRotation AttentionLayer::rotation(LayerBatch const& batch) const {
  return {.positions = batch.positions,
          .queries = rope_->queries(),
          .keys = rope_->keys(),
          .rotary_dim = spec_.rope.rotary_dim,
          .pairs = spec_.rope.pairs};
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

void AttentionLayer::project_latent(MatrixView<float const> x,
                                    MatrixView<float> latent,
                                    MatrixView<float> q) {
  kernels::ExecContext const& exec = context_.exec;
  bool const is_low = spec_.q_lora_rank > 0;
  MatrixView<float> const low = is_low ? scratch_->q_low.rows(x.rows) : q;
  std::array const products{kernels::JointProduct{&weights_->kv_a, latent},
                            kernels::JointProduct{is_low ? &weights_->q_a : &weights_->q, low}};
  kernels::joint_matmul(exec, x, products);
  if (is_low) {
    kernels::rms_norm(exec, as_const(low), weights_->q_a_norm, context_.latent_norm_epsilon, low);
    kernels::matmul(exec, as_const(low), weights_->q, q);
  }
}

void AttentionLayer::run_latent(LayerBatch const& batch,
                                MatrixView<float const> x,
                                kernels::KvCache& cache) {
  kernels::ExecContext const& exec = context_.exec;
  std::int64_t const rank = spec_.kv_lora_rank;
  MatrixView<float> const latent = scratch_->latent.rows(x.rows);
  MatrixView<float> const q = scratch_->qkv.rows(x.rows);
  MatrixView<float> const absorbed = scratch_->q_latent.rows(x.rows);
  project_latent(x, latent, q);
  kernels::prepare_latent(exec,
                          {.num_heads = heads_.size(),
                           .head_dim = spec_.head_dim,
                           .norm = weights_->kv_a_norm,
                           .epsilon = context_.latent_norm_epsilon,
                           .rotation = rotation(batch)},
                          batch.paged,
                          {.latent = latent, .q = q, .absorbed = absorbed},
                          cache);
  kernels::matmul_heads(exec,
                        as_const(q),
                        weights_->key_up,
                        {.in_stride = spec_.head_dim, .in_offset = 0, .out_stride = latent.cols},
                        absorbed);

  MatrixView<float> const weighted = scratch_->o_latent.rows(x.rows);
  kernels::paged_attention(
      exec, batch.paged, attention_heads(), as_const(absorbed), cache, weighted);
  kernels::matmul_heads(exec,
                        as_const(weighted),
                        weights_->value_up,
                        {.in_stride = rank, .in_offset = 0, .out_stride = spec_.value_dim},
                        scratch_->out.rows(x.rows));
}

}  // namespace talus::runtime
