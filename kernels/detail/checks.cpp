// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/checks.hpp"

namespace talus::kernels::detail {

void check_equal(std::string_view operation,
                 std::string_view what,
                 std::int64_t value,
                 std::int64_t wanted) {
  if (value != wanted) {
    throw ConfigError{concat(operation, ": ", what, " = ", value, " (must be ", wanted, ')')};
  }
}

void check_at_least(std::string_view operation,
                    std::string_view what,
                    std::int64_t value,
                    std::int64_t least) {
  if (value < least) {
    throw ConfigError{
        concat(operation, ": ", what, " = ", value, " (must be at least ", least, ')')};
  }
}

void check_at_most(std::string_view operation,
                   std::string_view what,
                   std::int64_t value,
                   std::int64_t most) {
  if (value > most) {
    throw ConfigError{concat(operation, ": ", what, " = ", value, " (must be at most ", most, ')')};
  }
}

void check_below(std::string_view operation,
                 std::string_view what,
                 std::int64_t value,
                 std::int64_t end) {
  if (value < 0 || value >= end) {
    throw ConfigError{concat(operation, ": ", what, " = ", value, " (must lie in [0, ", end, "))")};
  }
}

void check_epsilon(std::string_view operation, float epsilon) {
  if (!(epsilon > 0.0F)) {
    throw ConfigError{concat(operation, ": epsilon = ", epsilon, " (must be positive)")};
  }
}

void check_positions(std::string_view operation,
                     std::span<std::int32_t const> positions,
                     RopeTable const& table,
                     std::int64_t rotary_dim,
                     std::int64_t tokens) {
  check_equal(operation, "number of positions", std::ssize(positions), tokens);
  check_equal(operation, "sines", std::ssize(table.sines), std::ssize(table.cosines));
  std::int64_t const table_rows = std::ssize(table.cosines) / (rotary_dim / 2);
  for (std::int32_t const position : positions) {
    check_below(operation, "position", position, table_rows);
  }
}

void check_rows(std::string_view operation,
                MatrixOrigin origin,
                RawRows const& rows,
                MatrixOrigin end) {
  if (origin.row < 0 || origin.col < 0 || origin.row + rows.rows > end.row ||
      origin.col + rows.cols > end.col) {
    throw ConfigError{concat(operation,
                             ": rows [",
                             rows.rows,
                             ", ",
                             rows.cols,
                             "] at (",
                             origin.row,
                             ", ",
                             origin.col,
                             ") (must lie inside [",
                             end.row,
                             ", ",
                             end.col,
                             "])")};
  }
  check_at_least(operation, "row stride", rows.row_stride, rows.cols);
  if (rows.dtype != DType::f32 && rows.dtype != DType::f16 && rows.dtype != DType::bf16 &&
      rows.dtype != DType::f64) {
    throw ConfigError{concat(operation,
                             ": given as ",
                             name_of(rows.dtype),
                             " (must be float32, float16, bfloat16 or float64)")};
  }
}

void check_batch(std::string_view operation,
                 PagedBatch const& batch,
                 KvCache const& cache,
                 std::int64_t tokens) {
  std::int64_t const sequences = batch.num_sequences();
  if (sequences == 0 && tokens == 0) {
    return;
  }
  check_equal(operation, "size of first_row", std::ssize(batch.first_row), sequences + 1);
  check_equal(operation, "first_row of the first sequence", batch.first_row.front(), 0);
  check_equal(operation, "end of first_row", batch.first_row.back(), tokens);
  check_at_least(operation, "max_blocks", batch.max_blocks, 0);
  check_equal(operation,
              "size of block_tables",
              std::ssize(batch.block_tables),
              sequences * batch.max_blocks);
  for (std::int64_t s = 0; s < sequences; ++s) {
    auto const i = static_cast<std::size_t>(s);
    std::int64_t const new_tokens = batch.first_row[i + 1] - batch.first_row[i];
    check_at_least(operation, "tokens of a sequence", new_tokens, 0);
    check_at_least(operation, "context", batch.context[i], 0);
    check_at_least(operation,
                   "room in a block table",
                   batch.max_blocks * cache.block_tokens(),
                   batch.context[i] + new_tokens);
  }
}

}  // namespace talus::kernels::detail
