// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/detail/row_upload.hpp"
#include "kernels/operations.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {

using detail::check_below;
using detail::check_equal;

void add(ExecContext const& exec, MatrixView<float const> x, MatrixView<float> y, float factor) {
  check_equal("add", "rows of y", y.rows, x.rows);
  check_equal("add", "columns of y", y.cols, x.cols);
  operations_of(exec.backend).add(exec, x, y, factor);
}

void add_bias(ExecContext const& exec, std::span<float const> bias, MatrixView<float> y) {
  check_equal("add_bias", "columns of y", y.cols, std::ssize(bias));
  operations_of(exec.backend).add_bias(exec, bias, y);
}

void scale_and_cap(ExecContext const& exec, float factor, float cap, MatrixView<float> y) {
  if (!(cap >= 0.0F)) {
    throw ConfigError{concat("scale_and_cap: cap = ", cap, " (must be positive, or 0: none)")};
  }
  operations_of(exec.backend).scale_and_cap(exec, factor, cap, y);
}

RowTable::RowTable(ExecContext const& exec, std::int64_t rows, std::int64_t cols, DType dtype)
    : rows_{rows}, cols_{cols}, dtype_{dtype} {
  if (dtype != DType::f32 && dtype != DType::bf16) {
    throw ConfigError{
        concat("table: stored as ", name_of(dtype), " (must be float32 or bfloat16)")};
  }
  detail::check_at_least("table", "rows", rows, 0);
  detail::check_at_least("table", "columns", cols, 0);
  data_ = Buffer<std::byte>{exec, rows * cols * size_of(dtype)};
  clear(exec, data_.span());
}

void RowTable::set(ExecContext const& exec, MatrixOrigin origin, RawRows const& rows) {
  detail::check_rows("table", origin, rows, {rows_, cols_});
  if (rows.rows == 0 || rows.cols == 0) {
    return;
  }
  // Rows stay rows in every backend, so one way of storing them serves all.
  WeightStore const store{data_.data(), cols_, dtype_};
  if (shares_memory(exec)) {
    operations_of(Backend::reference).pack_rows({}, store, origin, rows);
  } else {
    detail::upload_as_rows(exec, store, origin, rows);
  }
}

void gather_rows(ExecContext const& exec,
                 RowTable const& table,
                 std::span<std::int32_t const> ids,
                 MatrixView<float> y) {
  check_equal("gather_rows", "rows of y", y.rows, std::ssize(ids));
  check_equal("gather_rows", "columns of y", y.cols, table.cols());
  for (std::int32_t const id : ids) {
    check_below("gather_rows", "id", id, table.rows());
  }
  operations_of(exec.backend).gather_rows(exec, table, ids, y);
}

void select_rows(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y) {
  check_equal("select_rows", "rows of y", y.rows, std::ssize(rows));
  check_equal("select_rows", "columns of y", y.cols, x.cols);
  for (std::int32_t const row : rows) {
    check_below("select_rows", "row", row, x.rows);
  }
  operations_of(exec.backend).select_rows(exec, x, rows, y);
}

}  // namespace talus::kernels
