// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "kernels/block/attention_launch.hpp"

#include "tests/kernels/attention_support.hpp"

namespace talus::kernels {

/// What weights, and in LongContext queries, that are rounded may change, where tensor cores
/// multiply; over codes, weights are rounded once for their sum, and once more, times scales.
[[nodiscard]] inline float tolerance_of(Model const& model) {
  if (!block::has_tiles(model.shape)) {
    return tolerance;
  }
  return model.shape.has_scales() ? 2 * tile_tolerance : tile_tolerance;
}

/// The last rows of one sequence of many positions, all cached.
class LongContext {
 public:
  LongContext(ExecContext const& exec, Model const& model, std::int64_t positions)
      : model_{model}, positions_{positions}, cache_{exec, model.shape, blocks(), 16} {
    table_.resize(static_cast<std::size_t>(blocks()));
    std::iota(table_.rbegin(), table_.rend(), 0);
    Model one = model;
    one.heads.num_heads = 1;
    Sequence const cached = one.sequence(positions, 1);
    std::vector<std::int32_t> const all = {0, static_cast<std::int32_t>(positions)};
    std::vector<std::int32_t> const none = {0};
    store_kv(exec, {all, none, table_, blocks()}, cached.keys.view(), cached.values.view(), cache_);
  }

  /// attention(batch, q, cache, out) of the last `rows`.
  template <class Attention>
  [[nodiscard]] Matrix last(std::int64_t rows, Attention const& attention) const {
    std::vector<std::int32_t> const first_row = {0, static_cast<std::int32_t>(rows)};
    std::vector<std::int32_t> const context = {static_cast<std::int32_t>(positions_ - rows)};
    Matrix const all = random_matrix(positions_, model_.heads.num_heads * model_.shape.key_dim, 7);
    Stacked q{{rows, all.cols}};
    q.push(all, positions_ - rows, rows);
    Matrix out{rows, model_.heads.num_heads * model_.shape.value_dim};
    attention(PagedBatch{first_row, context, table_, blocks()},
              std::as_const(q.rows).view(),
              cache_,
              out.view());
    return out;
  }

  [[nodiscard]] Matrix last_on(ExecContext const& exec, std::int64_t rows) const {
    return last(rows, [&](PagedBatch const& batch, auto q, KvCache const& cache, auto out) {
      paged_attention(exec, batch, model_.heads, q, cache, out);
    });
  }

 private:
  [[nodiscard]] std::int64_t blocks() const { return (positions_ + 15) / 16; }

  Model model_;
  std::int64_t positions_;
  KvCache cache_;
  std::vector<std::int32_t> table_;
};

}  // namespace talus::kernels
