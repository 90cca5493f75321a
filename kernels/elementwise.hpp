// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/buffer.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// y[t, j] += factor * x[t, j].
///
/// \param x  [tokens, hidden]
/// \param y  [tokens, hidden]; must not overlap x
void add(ExecContext const& exec,
         MatrixView<float const> x,
         MatrixView<float> y,
         float factor = 1.0F);

/// y[t, j] += bias[j].
///
/// \param bias  [columns]
/// \param y     [tokens, columns]
void add_bias(ExecContext const& exec, std::span<float const> bias, MatrixView<float> y);

/// y[t, j] *= factor; then, with a cap, y[t, j] = cap * tanh(y[t, j] / cap).
///
/// \param cap  > 0, or 0: none
///
/// Reference: I. Bello et al., "Neural Combinatorial Optimization with Reinforcement Learning",
/// 2016 (caps).
void scale_and_cap(ExecContext const& exec, float factor, float cap, MatrixView<float> y);

/// A table of rows, [rows, cols], f32 or bf16, as an embedding has it.
class RowTable {
 public:
  RowTable() = default;
  RowTable(ExecContext const& exec, std::int64_t rows, std::int64_t cols, DType dtype);

  /// Converts rows to dtype() and stores them at `origin`.
  void set(ExecContext const& exec, MatrixOrigin origin, RawRows const& rows);

  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }

  [[nodiscard]] std::int64_t cols() const noexcept { return cols_; }

  [[nodiscard]] DType dtype() const noexcept { return dtype_; }

  [[nodiscard]] std::int64_t bytes() const noexcept { return data_.bytes(); }

  [[nodiscard]] std::byte const* data() const noexcept { return data_.data(); }

  /// The rows as they are stored, for who stores them elsewhere or puts stored ones back.
  [[nodiscard]] std::span<std::byte> memory() noexcept { return data_.span(); }

 private:
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  DType dtype_ = DType::f32;
  Buffer<std::byte> data_;
};

/// y[t, :] = table[ids[t], :], widened to float32; exact.
///
/// \param ids  [tokens], each in [0, table.rows())
/// \param y    [tokens, cols]
void gather_rows(ExecContext const& exec,
                 RowTable const& table,
                 std::span<std::int32_t const> ids,
                 MatrixView<float> y);

/// y[t, :] = x[rows[t], :], a copy of chosen rows.
///
/// \param rows  [tokens], each in [0, x.rows)
/// \param y     [tokens, cols]; must not overlap x
void select_rows(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y);

}  // namespace talus::kernels
