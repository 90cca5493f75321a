// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "kernels/reference/functions.hpp"
#include "kernels/reference/kv_block.hpp"

namespace talus::kernels::reference {
namespace {

/// One query head of one token, which sees the positions [first, last] of sequence `s`.
struct Query {
  std::int64_t s = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t kv_head = 0;
  AttentionHeads const& heads;
  float const* q = nullptr;
  std::optional<float> sink;
};

std::vector<float> scores_of(Query const& query, PagedBatch const& batch, KvCache const& cache) {
  KvShape const& shape = cache.shape();
  std::vector<float> scores;
  for (std::int64_t p = query.first; p <= query.last; ++p) {
    KvPlace const place = place_of(cache, batch, query.s, p, query.kv_head);
    float score = 0.0F;
    for (std::int64_t d = 0; d < shape.key_dim; ++d) {
      score += query.q[d] * key_element(cache, place, d);
    }
    score *= query.heads.scale;
    float const cap = query.heads.soft_cap;
    scores.push_back(cap > 0.0F ? cap * std::tanh(score / cap) : score);
  }
  if (query.sink) {
    scores.push_back(*query.sink);
  }
  return scores;
}

void softmax(std::vector<float>& values) {
  float const maximum = *std::max_element(values.begin(), values.end());
  float sum = 0.0F;
  for (float& value : values) {
    value = std::exp(value - maximum);
    sum += value;
  }
  for (float& value : values) {
    value /= sum;
  }
}

void attend(Query const& query, PagedBatch const& batch, KvCache const& cache, float* out) {
  KvShape const& shape = cache.shape();
  std::vector<float> shares = scores_of(query, batch, cache);
  softmax(shares);
  std::fill(out, out + shape.value_dim, 0.0F);
  for (std::int64_t p = query.first; p <= query.last; ++p) {
    KvPlace const place = place_of(cache, batch, query.s, p, query.kv_head);
    for (std::int64_t d = 0; d < shape.value_dim; ++d) {
      out[d] += shares[static_cast<std::size_t>(p - query.first)] * value_element(cache, place, d);
    }
  }
}

}  // namespace

void paged_attention(ExecContext const&,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out) {
  KvShape const& shape = cache.shape();
  for (std::int64_t s = 0; s < batch.num_sequences(); ++s) {
    auto const i = static_cast<std::size_t>(s);
    for (std::int64_t t = batch.first_row[i]; t < batch.first_row[i + 1]; ++t) {
      std::int64_t const position = batch.context[i] + t - batch.first_row[i];
      std::int64_t const first =
          heads.window > 0 ? std::max<std::int64_t>(0, position - heads.window + 1) : 0;
      for (std::int64_t h = 0; h < heads.num_heads; ++h) {
        std::int64_t const kv_head =
            (heads.first_head + h) / heads.heads_per_kv_head - heads.first_kv_head;
        float const* const query = q.data + t * q.row_stride + h * shape.key_dim;
        std::optional<float> sink;
        if (!heads.sinks.empty()) {
          sink = heads.sinks[static_cast<std::size_t>(h)];
        }
        attend({s, first, position, kv_head, heads, query, sink},
               batch,
               cache,
               out.data + t * out.row_stride + h * shape.value_dim);
      }
    }
  }
}

}  // namespace talus::kernels::reference
