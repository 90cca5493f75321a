// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_inputs.hpp"

#include "kernels/copy_heads.hpp"
#include "kernels/detail/checks.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/operations.hpp"
#include "kernels/rms_norm.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_equal;

void check_rotation(std::string_view operation,
                    HeadRotation const& rotation,
                    std::int64_t tokens,
                    std::int64_t head_dim) {
  if (rotation.rotary_dim == 0) {
    return;
  }
  check_at_least(operation, "rotary_dim", rotation.rotary_dim, 2);
  check_equal(operation, "odd columns of rotary_dim", rotation.rotary_dim % 2, 0);
  check_at_least(operation, "head_dim", head_dim, rotation.rotary_dim);
  for (RopeTable const& table : {rotation.queries, rotation.keys}) {
    detail::check_positions(operation, rotation.positions, table, rotation.rotary_dim, tokens);
  }
}

void check_norm(std::string_view operation,
                std::span<float const> weight,
                std::int64_t size,
                float epsilon) {
  check_equal(operation, "weights of a norm", std::ssize(weight), size);
  detail::check_epsilon(operation, epsilon);
}

void check_arguments(HeadInputs const& inputs,
                     PagedBatch const& batch,
                     MatrixView<float const> qkv,
                     KvCache const& cache) {
  constexpr std::string_view operation = "prepare_heads";
  check_at_least(operation, "num_heads", inputs.num_heads, 1);
  check_at_least(operation, "head_dim", inputs.head_dim, 1);
  std::int64_t const heads = inputs.num_heads + 2 * inputs.num_kv_heads;
  check_equal(operation, "columns of queries, keys and values", qkv.cols, heads * inputs.head_dim);
  check_equal(operation, "heads of the cache", cache.shape().num_heads, inputs.num_kv_heads);
  check_equal(operation, "elements of a key", cache.shape().key_dim, inputs.head_dim);
  check_equal(operation, "elements of a value", cache.shape().value_dim, inputs.head_dim);
  check_equal(operation, "values in keys", cache.shape().value_in_key ? 1 : 0, 0);
  if (!inputs.bias.empty()) {
    check_equal(operation, "elements of the bias", std::ssize(inputs.bias), qkv.cols);
  }
  if (!inputs.q_norm.empty() || !inputs.k_norm.empty()) {
    check_norm(operation, inputs.q_norm, inputs.head_dim, inputs.epsilon);
    check_norm(operation, inputs.k_norm, inputs.head_dim, inputs.epsilon);
  }
  check_rotation(operation, inputs.rotation, qkv.rows, inputs.head_dim);
  detail::check_batch(operation, batch, cache, qkv.rows);
}

void rotate(ExecContext const& exec,
            HeadRotation const& rotation,
            RopeTable const& table,
            RopeLayout layout,
            MatrixView<float> x) {
  layout.rotary_dim = rotation.rotary_dim;
  layout.pairs = rotation.pairs;
  rope(exec, x, rotation.positions, table, layout);
}

void prepare_in_parts(ExecContext const& exec,
                      HeadInputs const& inputs,
                      PagedBatch const& batch,
                      MatrixView<float> qkv,
                      KvCache& cache) {
  std::int64_t const q_cols = inputs.num_heads * inputs.head_dim;
  std::int64_t const kv_cols = inputs.num_kv_heads * inputs.head_dim;
  MatrixView<float> const q = columns_of(qkv, 0, q_cols);
  MatrixView<float> const k = columns_of(qkv, q_cols, kv_cols);
  MatrixView<float> const v = columns_of(qkv, q_cols + kv_cols, kv_cols);
  if (!inputs.bias.empty()) {
    add_bias(exec, inputs.bias, qkv);
  }
  if (!inputs.q_norm.empty()) {
    rms_norm(exec, as_const(q), inputs.q_norm, inputs.epsilon, q);
    rms_norm(exec, as_const(k), inputs.k_norm, inputs.epsilon, k);
  }
  HeadRotation const& rotation = inputs.rotation;
  if (rotation.rotary_dim > 0) {
    std::int64_t const dim = inputs.head_dim;
    rotate(
        exec, rotation, rotation.queries, {.num_heads = inputs.num_heads, .head_stride = dim}, q);
    rotate(
        exec, rotation, rotation.keys, {.num_heads = inputs.num_kv_heads, .head_stride = dim}, k);
  }
  store_kv(exec, batch, as_const(k), as_const(v), cache);
}

void check_arguments(LatentInputs const& inputs,
                     PagedBatch const& batch,
                     LatentRows const& rows,
                     KvCache const& cache) {
  constexpr std::string_view operation = "prepare_latent";
  KvShape const& shape = cache.shape();
  std::int64_t const rotary_dim = inputs.rotation.rotary_dim;
  check_equal(operation, "values in keys", shape.value_in_key ? 1 : 0, 1);
  check_equal(operation, "elements of a key", shape.key_dim, shape.value_dim + rotary_dim);
  check_equal(operation, "columns of latents", rows.latent.cols, shape.key_dim);
  check_at_least(operation, "num_heads", inputs.num_heads, 1);
  check_at_least(operation, "head_dim", inputs.head_dim, rotary_dim);
  check_equal(operation, "rows of queries", rows.q.rows, rows.latent.rows);
  check_equal(operation, "columns of queries", rows.q.cols, inputs.num_heads * inputs.head_dim);
  check_equal(operation, "rows of absorbed queries", rows.absorbed.rows, rows.latent.rows);
  check_equal(operation,
              "columns of absorbed queries",
              rows.absorbed.cols,
              inputs.num_heads * shape.key_dim);
  check_norm(operation, inputs.norm, shape.value_dim, inputs.epsilon);
  check_rotation(operation, inputs.rotation, rows.latent.rows, inputs.head_dim);
  detail::check_batch(operation, batch, cache, rows.latent.rows);
}

void prepare_in_parts(ExecContext const& exec,
                      LatentInputs const& inputs,
                      PagedBatch const& batch,
                      LatentRows const& rows,
                      KvCache& cache) {
  std::int64_t const rank = cache.shape().value_dim;
  std::int64_t const key_dim = cache.shape().key_dim;
  HeadRotation const& rotation = inputs.rotation;
  MatrixView<float> const latent = columns_of(rows.latent, 0, rank);
  rms_norm(exec, as_const(latent), inputs.norm, inputs.epsilon, latent);
  if (rotation.rotary_dim > 0) {
    std::int64_t const offset = inputs.head_dim - rotation.rotary_dim;
    rotate(exec, rotation, rotation.keys, {.head_stride = key_dim, .offset = rank}, rows.latent);
    RopeLayout const layout{
        .num_heads = inputs.num_heads, .head_stride = inputs.head_dim, .offset = offset};
    rotate(exec, rotation, rotation.queries, layout, rows.q);
    copy_heads(exec,
               {.num_heads = inputs.num_heads,
                .width = rotation.rotary_dim,
                .in_stride = inputs.head_dim,
                .in_offset = offset,
                .out_stride = key_dim,
                .out_offset = rank},
               as_const(rows.q),
               rows.absorbed);
  }
  store_kv(exec, batch, as_const(rows.latent), {}, cache);
}

}  // namespace

void prepare_heads(ExecContext const& exec,
                   HeadInputs const& inputs,
                   PagedBatch const& batch,
                   MatrixView<float> qkv,
                   KvCache& cache) {
  check_arguments(inputs, batch, as_const(qkv), cache);
  auto* const at_once = operations_of(exec.backend).prepare_heads;
  if (at_once != nullptr && inputs.head_dim <= most_prepared_columns) {
    return at_once(exec, inputs, batch, qkv, cache);
  }
  prepare_in_parts(exec, inputs, batch, qkv, cache);
}

void prepare_latent(ExecContext const& exec,
                    LatentInputs const& inputs,
                    PagedBatch const& batch,
                    LatentRows const& rows,
                    KvCache& cache) {
  check_arguments(inputs, batch, rows, cache);
  auto* const at_once = operations_of(exec.backend).prepare_latent;
  if (at_once != nullptr && cache.shape().key_dim <= most_prepared_columns) {
    return at_once(exec, inputs, batch, rows, cache);
  }
  prepare_in_parts(exec, inputs, batch, rows, cache);
}

}  // namespace talus::kernels
