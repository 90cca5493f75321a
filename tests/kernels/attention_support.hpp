// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "kernels/attention.hpp"

#include "tests/kernels/kernels_support.hpp"

namespace talus::kernels {

inline constexpr float tolerance = 3e-6F;  // two orders of summation over some hundred positions

/// What weights rounded to bfloat16 may change, where tiles multiply.
inline constexpr float tile_tolerance = 0x1p-8F;

/// One sequence's queries, keys and values at all its positions.
struct Sequence {
  Matrix q;
  Matrix keys;
  Matrix values;
};

/// How attention is run: bits must not depend on anything here.
struct Plan {
  std::int64_t block_tokens = 16;
  std::int64_t chunk = 1 << 20;  ///< tokens of a sequence in one step
  unsigned shuffle = 0;          ///< seed of the blocks' places
};

struct Model {
  KvShape shape;
  AttentionHeads heads;

  [[nodiscard]] Sequence sequence(std::int64_t tokens, unsigned seed) const {
    std::int64_t const value_cols = shape.value_in_key ? 1 : shape.num_heads * shape.value_dim;
    return {random_bf16_matrix(tokens, heads.num_heads * shape.key_dim, seed),
            random_matrix(tokens, shape.num_heads * shape.key_dim, seed + 100),
            random_matrix(tokens, value_cols, seed + 200)};
  }

  [[nodiscard]] float tolerance_on(Backend backend) const {
    return backend == Backend::amx && shape.dtype == DType::bf16 ? tile_tolerance : tolerance;
  }
};

/// Rows [first, first + count) of each matrix behind one another.
struct Stacked {
  Matrix rows;
  std::int64_t used = 0;

  void push(Matrix const& from, std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i, ++used) {
      for (std::int64_t j = 0; j < from.cols; ++j) {
        rows.at(used, j) = from.at(i, j);
      }
    }
  }
};

/// The outputs of all sequences, run together, chunk after chunk.
inline std::vector<Matrix> attend(ExecContext const& exec,
                                  Model const& model,
                                  std::vector<Sequence> const& sequences,
                                  Plan const& plan) {
  auto const count = std::ssize(sequences);
  std::int64_t longest = 0;
  for (Sequence const& sequence : sequences) {
    longest = std::max(longest, sequence.q.rows);
  }
  std::int64_t const max_blocks = (longest + plan.block_tokens - 1) / plan.block_tokens;
  std::vector<std::int32_t> tables(static_cast<std::size_t>(count * max_blocks));
  std::iota(tables.begin(), tables.end(), 1);
  std::shuffle(tables.begin(), tables.end(), std::mt19937{plan.shuffle});
  KvCache cache{exec, model.shape, count * max_blocks + 1, plan.block_tokens};

  std::vector<Matrix> outputs;
  for (Sequence const& sequence : sequences) {
    outputs.emplace_back(sequence.q.rows, model.heads.num_heads * model.shape.value_dim);
  }
  for (std::int64_t begin = 0; begin < longest; begin += plan.chunk) {
    std::vector<std::int32_t> first_row = {0};
    std::vector<std::int32_t> context;
    for (Sequence const& sequence : sequences) {
      std::int64_t const from = std::min(begin, sequence.q.rows);
      std::int64_t const tokens = std::min(plan.chunk, sequence.q.rows - from);
      context.push_back(static_cast<std::int32_t>(from));
      first_row.push_back(first_row.back() + static_cast<std::int32_t>(tokens));
    }
    std::int64_t const rows = first_row.back();
    Stacked q{{rows, sequences.front().q.cols}};
    Stacked keys{{rows, sequences.front().keys.cols}};
    Stacked values{{rows, sequences.front().values.cols}};
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      std::int64_t const tokens = first_row[s + 1] - first_row[s];
      q.push(sequences[s].q, context[s], tokens);
      keys.push(sequences[s].keys, context[s], tokens);
      values.push(sequences[s].values, context[s], tokens);
    }
    PagedBatch const batch{first_row, context, tables, max_blocks};
    Matrix out{rows, outputs.front().cols};
    store_kv(
        exec, batch, std::as_const(keys.rows).view(), std::as_const(values.rows).view(), cache);
    paged_attention(exec, batch, model.heads, std::as_const(q.rows).view(), cache, out.view());
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      for (std::int64_t t = first_row[s]; t < first_row[s + 1]; ++t) {
        for (std::int64_t j = 0; j < out.stride(); ++j) {
          outputs[s].at(context[s] + t - first_row[s], j) = out.at(t, j);
        }
      }
    }
  }
  return outputs;
}

}  // namespace talus::kernels
