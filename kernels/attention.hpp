// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// The heads of a rank, and how they share keys and values.
struct AttentionHeads {
  std::int64_t num_heads = 0;          ///< query heads of this rank
  std::int64_t first_head = 0;         ///< number of its first one in the whole model
  std::int64_t heads_per_kv_head = 1;  ///< in the whole model
  std::int64_t first_kv_head = 0;      ///< the cache's first head in the whole model
  float scale = 1.0F;                  ///< of the scores, usually 1 / sqrt(key_dim)
};

/// Causal attention of a step's tokens over the paged cache, which holds the step's own keys
/// already:
///
///     out[t, h] = sum_p softmax_p(scale * q[t, h] . k[p, g]) v[p, g],   p = 0 ... position of t,
///
/// where g = (first_head + h) / heads_per_kv_head - first_kv_head. Latent attention is the same
/// with one KV head that all heads share (heads_per_kv_head = all heads, the query absorbed into
/// latent space).
///
/// \param q    [tokens, num_heads * key_dim]
/// \param out  [tokens, num_heads * value_dim]; must not overlap q
///
/// The context is cut at fixed absolute positions, each piece gives (maximum, sum, weighted
/// values), and pieces are merged in order: a row's bits depend neither on the chunk that its
/// prompt was cut into, nor on the other rows, the block size, the blocks' places, or the threads.
///
/// Reference: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018;
/// W. Kwon et al., "Efficient Memory Management for Large Language Model Serving with
/// PagedAttention", SOSP 2023.
void paged_attention(ExecContext const& exec,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out);

}  // namespace talus::kernels
