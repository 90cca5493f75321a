// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/load_report.hpp"
#include "parallel/communicator.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::io {

/// For the end of a range: as far as the tensor goes.
inline constexpr std::int64_t to_end = -1;

/// Rows [first, last) of a tensor seen as a matrix; all of them unless told.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t last = to_end;
};

/// Columns [first, last) of a tensor seen as a matrix; all of them unless told.
struct ColumnRange {
  std::int64_t first = 0;
  std::int64_t last = to_end;
};

/// The rows and columns that the model's config says a tensor must have.
struct ExpectedShape {
  std::int64_t rows = 0;
  std::int64_t columns = 1;
};

/// Some rows of what was demanded, in the full width that was demanded.
///
/// Element (i, j) of the piece is element (first_row + i, demand.columns.first + j) of the tensor,
/// and lies at `data + (i * row_stride + j) * size_of(dtype)`. `data` need not be aligned for its
/// type, and is valid during the call of the sink only.
struct TensorPiece {
  DType dtype = DType::f32;
  std::int64_t first_row = 0;  ///< counted from the tensor's first row, not from the demand's
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;  ///< elements from one row to the next, >= cols
  std::byte const* data = nullptr;
};

/// Takes a piece. Called on the thread that called load_tensors; what it throws fails the load.
using PieceSink = std::function<void(TensorPiece const&)>;

/// What this rank needs of one tensor. A rank may state several demands of one tensor.
///
/// The tensor is seen as a matrix [shape[0], product of the rest]; a vector of n elements is [n,
/// 1], a stack [experts, out, in] is [experts, out * in].
struct TensorDemand {
  std::string name;
  RowRange rows;
  ColumnRange columns;
  PieceSink sink;  ///< gets pieces that cover the demand exactly once, in any order
  std::optional<ExpectedShape> expected;  ///< checked against the file before anything is read
};

/// How load_tensors may use the host.
struct LoadOptions {
  /// Bytes that this rank may hold in buffers; at least four times the bytes of the longest row.
  /// Equal on all ranks.
  std::int64_t host_memory_bytes = std::int64_t{4} << 30;
  /// Bytes of one read (a row, if that is longer); also limited to a quarter of host_memory_bytes.
  /// Equal on all ranks.
  std::int64_t piece_bytes = std::int64_t{16} << 20;
  /// Called between pieces, may be null; what it throws on a rank fails the load on all of them.
  std::function<void()> interrupt = nullptr;
};

/// Loads tensors: every byte of a tensor that anyone demands is read once in the job, by one rank.
///
/// Files are cut in pieces (adjacent small tensors together, a large tensor at row boundaries).
/// Each piece is read by one of the ranks that need it, so that the ranks share the reading evenly;
/// it checks that all floating-point elements are finite and sends each other rank the rows and
/// columns that this one needs, packed. Ranks that need the same share by a binomial tree. Tensors
/// that nobody demands are not read.
///
/// Collective over `comm`; demands differ from rank to rank, and may be none.
/// \throws ConfigError  on every rank, with the same text: before anything is read, if a tensor is
///                      missing, of an unknown dtype, not of the expected shape, a range lies
///                      outside of it, or its rows are too long for host_memory_bytes; later, if a
///                      file can't be read or ends early, an element is not finite, or a sink
///                      throws
/// Cost: each rank sends O(log n) copies of what it read, n the ranks that need the same.
[[nodiscard]] LoadReport load_tensors(parallel::Communicator const& comm,
                                      Checkpoint const& checkpoint,
                                      std::span<TensorDemand const> demands,
                                      LoadOptions const& options = {});

}  // namespace talus::io
