// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

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
  std::int64_t window = 0;  ///< positions that a query sees, its own included; 0: all before it
  float soft_cap = 0.0F;    ///< scores become soft_cap * tanh(score / soft_cap); 0: as they are
  std::span<float const> sinks{};  ///< [num_heads] a score a head that has no value; empty: none
};

/// Causal attention of a step's tokens over the paged cache, which holds the step's own keys
/// already:
///
///     out[t, h] = sum_p softmax_p(scale * q[t, h] . k[p, g]) v[p, g],   p = first ... position of
///     t,
///
/// where g = (first_head + h) / heads_per_kv_head - first_kv_head, and first is 0, or with a window
/// max(0, position of t - window + 1). Blocks that lie before the window of every row of a sequence
/// are not read, and their entries of the block table may be anything. A sink takes its share of
/// the softmax and gives nothing. Latent attention is the same
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
/// PagedAttention", SOSP 2023. Windows: I. Beltagy et al., "Longformer", 2020. Caps: Gemma Team,
/// "Gemma 2", 2024, section 2. Sinks: G. Xiao et al., "Efficient Streaming Language Models with
/// Attention Sinks", ICLR 2024, and OpenAI, "gpt-oss model card", 2025, section 2.
void paged_attention(ExecContext const& exec,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out);

}  // namespace talus::kernels
