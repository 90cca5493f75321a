// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/matrix_sink.hpp"

#include <cstring>
#include <vector>

#include "runtime/base/assert.hpp"
#include "runtime/model/quantized_strips.hpp"

namespace talus::runtime {
namespace {

/// The rows with rows and columns exchanged, element by element of any size.
std::vector<std::byte> transpose(kernels::RawRows const& rows) {
  auto const size = static_cast<std::size_t>(size_of(rows.dtype));
  std::vector<std::byte> turned(static_cast<std::size_t>(rows.rows * rows.cols) * size);
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    for (std::int64_t j = 0; j < rows.cols; ++j) {
      std::memcpy(turned.data() + static_cast<std::size_t>(j * rows.rows + i) * size,
                  rows.data + static_cast<std::size_t>(i * rows.row_stride + j) * size,
                  size);
    }
  }
  return turned;
}

/// Puts rows with rows and columns exchanged.
void put_turned(kernels::ExecContext const& exec,
                kernels::PackedWeights& target,
                kernels::MatrixOrigin origin,
                kernels::RawRows const& rows) {
  std::vector<std::byte> const turned = transpose(rows);
  target.set(exec, origin, {turned.data(), rows.dtype, rows.cols, rows.rows, rows.rows});
}

/// The one row of a piece as the matrix that it is.
io::TensorPiece unstack(io::TensorPiece piece, std::int64_t cols) {
  piece.rows = piece.cols / cols;
  piece.cols = cols;
  piece.row_stride = cols;
  return piece;
}

/// Even rows, and then the odd ones `half` rows further on.
///
/// \pre  the first row is an even one of the block
void put_alternating(kernels::ExecContext const& exec,
                     kernels::PackedWeights& target,
                     kernels::MatrixOrigin origin,
                     std::int64_t half,
                     kernels::RawRows const& rows) {
  kernels::RawRows even = rows;
  even.rows = rows.rows / 2;
  even.row_stride = 2 * rows.row_stride;
  kernels::RawRows odd = even;
  odd.data += rows.row_stride * size_of(rows.dtype);
  target.set(exec, origin, even);
  target.set(exec, {origin.row + half, origin.col}, odd);
}

void put_stacked(kernels::ExecContext const& exec,
                 kernels::PackedWeights& target,
                 TensorBlock const& block,
                 io::TensorPiece const& whole) {
  io::TensorPiece const piece = unstack(whole, block.stacked_cols);
  if (block.order == OutputOrder::straight) {
    put_turned(exec, target, block.origin, raw_rows(piece));
    return;
  }
  std::vector<std::byte> const turned = transpose(raw_rows(piece));
  put_alternating(exec,
                  target,
                  block.origin,
                  piece.cols / 2,
                  {turned.data(), piece.dtype, piece.cols, piece.rows, piece.rows});
}

void put(kernels::ExecContext const& exec,
         kernels::PackedWeights& target,
         TensorBlock const& block,
         io::TensorPiece const& piece) {
  if (block.stacked_cols > 0) {
    put_stacked(exec, target, block, piece);
    return;
  }
  std::int64_t const offset = piece.first_row - block.rows.first;
  if (block.transposed) {
    put_turned(exec, target, {block.origin.row, block.origin.col + offset}, raw_rows(piece));
  } else {
    target.set(exec, {block.origin.row + offset, block.origin.col}, raw_rows(piece));
  }
}

/// Even rows of a block of codes, and then the odd ones `half` rows further on.
void put_codes_alternating(kernels::ExecContext const& exec,
                           kernels::PackedWeights& target,
                           kernels::MatrixOrigin origin,
                           std::int64_t half,
                           kernels::QuantRows const& rows) {
  TALUS_EXPECT(rows.format.block_outputs == 1);
  kernels::QuantRows even = rows;
  even.rows = rows.rows / 2;
  even.code_stride = 2 * rows.code_stride;
  even.scale_stride = 2 * rows.scale_stride;
  kernels::QuantRows odd = even;
  odd.codes += rows.code_stride;
  odd.scales += rows.scale_stride;
  odd.zeros += rows.zeros == nullptr ? 0 : rows.scale_stride;
  target.set(exec, origin, even);
  target.set(exec, {origin.row + half, origin.col}, odd);
}

}  // namespace

kernels::RawRows raw_rows(io::TensorPiece const& piece) {
  return {piece.data, piece.dtype, piece.rows, piece.cols, piece.row_stride};
}

io::TensorDemand demand_plain(kernels::ExecContext const& exec,
                              kernels::PackedWeights& target,
                              TensorBlock const& block) {
  io::TensorDemand demand;
  demand.name = block.name;
  demand.rows = {block.rows.first, block.rows.last};
  demand.columns = {block.cols.first, block.cols.last};
  demand.expected = io::ExpectedShape{block.tensor_rows, block.tensor_cols};
  demand.sink = [exec, &target, block](io::TensorPiece const& piece) {
    put(exec, target, block, piece);
  };
  return demand;
}

io::TensorDemand demand_quantizing(kernels::ExecContext const& exec,
                                   kernels::PackedWeights& target,
                                   TensorBlock const& block,
                                   kernels::QuantFormat const& format) {
  return demand_quantized(block, format, [exec, &target, block](QuantizedStrip const& strip) {
    put_codes(exec,
              target,
              block,
              strip.codes.view(0, strip.codes.rows, strip.cols.first, strip.cols.last),
              {strip.first_row, 0});
  });
}

void put_codes(kernels::ExecContext const& exec,
               kernels::PackedWeights& target,
               TensorBlock const& block,
               kernels::QuantRows const& rows,
               kernels::MatrixOrigin origin) {
  kernels::MatrixOrigin const at = block.origin;
  if (block.order == OutputOrder::alternating) {
    put_codes_alternating(
        exec, target, {at.row + origin.row / 2, at.col + origin.col}, block.stacked_cols / 2, rows);
  } else {
    target.set(exec, {at.row + origin.row, at.col + origin.col}, rows);
  }
}

void put_dequantized(kernels::ExecContext const& exec,
                     kernels::PackedWeights& target,
                     TensorBlock const& block,
                     kernels::QuantRows const& rows,
                     kernels::MatrixOrigin origin) {
  std::vector<float> values(static_cast<std::size_t>(rows.rows * rows.cols));
  kernels::dequantize(rows, {values.data(), rows.rows, rows.cols, rows.cols});
  kernels::RawRows const raw{reinterpret_cast<std::byte const*>(values.data()),
                             DType::f32,
                             rows.rows,
                             rows.cols,
                             rows.cols};
  kernels::MatrixOrigin const at = block.origin;
  if (block.order == OutputOrder::alternating) {
    put_alternating(
        exec, target, {at.row + origin.row / 2, at.col + origin.col}, block.stacked_cols / 2, raw);
  } else if (block.transposed && block.stacked_cols == 0) {
    put_turned(exec, target, {at.row + origin.col, at.col + origin.row}, raw);
  } else {
    target.set(exec, {at.row + origin.row, at.col + origin.col}, raw);
  }
}

}  // namespace talus::runtime
