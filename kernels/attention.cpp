// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_equal;

void check_heads(AttentionHeads const& heads, KvShape const& shape) {
  check_at_least("attention", "num_heads", heads.num_heads, 1);
  check_at_least("attention", "first_head", heads.first_head, 0);
  check_at_least("attention", "heads_per_kv_head", heads.heads_per_kv_head, 1);
  check_at_least("attention", "window", heads.window, 0);
  if (!heads.sinks.empty()) {
    check_equal("attention", "sinks", std::ssize(heads.sinks), heads.num_heads);
  }
  check_at_least("attention",
                 "KV head of the first head",
                 heads.first_head / heads.heads_per_kv_head,
                 heads.first_kv_head);
  std::int64_t const last = heads.first_head + heads.num_heads - 1;
  detail::check_below("attention",
                      "the cache's KV head for the last head",
                      last / heads.heads_per_kv_head - heads.first_kv_head,
                      shape.num_heads);
}

}  // namespace

void paged_attention(ExecContext const& exec,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out) {
  KvShape const& shape = cache.shape();
  check_heads(heads, shape);
  detail::check_at_most("attention", "key_dim", shape.key_dim, max_key_dim);
  detail::check_at_most("attention", "value_dim", shape.value_dim, max_key_dim);
  detail::check_batch("attention", batch, cache, q.rows);
  check_equal("attention", "columns of q", q.cols, heads.num_heads * shape.key_dim);
  check_equal("attention", "rows of out", out.rows, q.rows);
  check_equal("attention", "columns of out", out.cols, heads.num_heads * shape.value_dim);
  operations_of(exec.backend).paged_attention(exec, batch, heads, q, cache, out);
}

}  // namespace talus::kernels
