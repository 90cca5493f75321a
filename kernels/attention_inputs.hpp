// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/kv_cache.hpp"
#include "kernels/rope.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// What is done to queries, keys and values between the products that give them and attention: in
/// one pass over a step's rows where the backend has an operation for it, with the bits of its
/// parts one after another.

namespace talus::kernels {

/// How the heads of a step's rows are rotated.
struct HeadRotation {
  std::span<std::int32_t const> positions;  ///< [tokens]
  RopeTable queries;
  RopeTable keys;
  std::int64_t rotary_dim = 0;  ///< rotated columns of a head, even; 0: none is rotated
  RopePairs pairs = RopePairs::halves;
};

/// What grouped-query attention does to its heads, in this order.
struct HeadInputs {
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::span<float const> bias{};    ///< one a column of queries, keys and values; empty: none
  std::span<float const> q_norm{};  ///< [head_dim], of each query; empty: none
  std::span<float const> k_norm{};  ///< [head_dim], of each key; there if q_norm is
  float epsilon = 0.0F;             ///< of the norms, in units of x^2
  HeadRotation rotation{};          ///< of the first columns of queries and keys
};

/// add_bias; rms_norm of each query and each key; rope of them; store_kv.
///
/// \param qkv    [tokens, (num_heads + 2 * num_kv_heads) * head_dim]: queries, keys, values; the
///               queries become what attention takes, what keys and values hold afterwards is not
///               specified
/// \param cache  of num_kv_heads heads, keys and values of head_dim elements
/// \throws ConfigError  as the parts
void prepare_heads(ExecContext const& exec,
                   HeadInputs const& inputs,
                   PagedBatch const& batch,
                   MatrixView<float> qkv,
                   KvCache& cache);

/// What latent attention does to a step's latents and queries.
struct LatentInputs {
  std::int64_t num_heads = 0;   ///< queries of a row
  std::int64_t head_dim = 0;    ///< of a query, its rotated columns the last ones
  std::span<float const> norm;  ///< [value_dim of the cache]
  float epsilon = 0.0F;         ///< of the norm, in units of x^2
  HeadRotation rotation;
};

/// A step's rows, as latent attention has them.
struct LatentRows {
  MatrixView<float> latent;    ///< [tokens, key_dim]: latents, and behind each what is rotated
  MatrixView<float> q;         ///< [tokens, num_heads * head_dim]
  MatrixView<float> absorbed;  ///< [tokens, num_heads * key_dim]; must not overlap the others
};

/// rms_norm of each latent, rope of what is behind it, store_kv; rope of the queries' last columns,
/// and copy_heads of them to where the last columns of the absorbed queries are.
///
/// \param rows   what latents and rotated columns of queries hold afterwards is not specified
/// \param cache  where values are in keys
/// \throws ConfigError  as the parts
void prepare_latent(ExecContext const& exec,
                    LatentInputs const& inputs,
                    PagedBatch const& batch,
                    LatentRows const& rows,
                    KvCache& cache);

}  // namespace talus::kernels
