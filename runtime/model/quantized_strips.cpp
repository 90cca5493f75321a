// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/quantized_strips.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/checkpoint/convert.hpp"

namespace talus::runtime {
namespace {

// Elements that are quantised at a time: some cache's worth.
constexpr std::int64_t strip_elements = std::int64_t{1} << 18;

/// The columns that a block's own are quantised together with.
Range whole_groups(TensorBlock const& block, kernels::QuantFormat const& format) {
  if (format.group == 0) {
    return {0, block.tensor_cols};
  }
  std::int64_t const last = (block.cols.last + format.group - 1) / format.group * format.group;
  return {block.cols.first / format.group * format.group, std::min(last, block.tensor_cols)};
}

/// `first_row` counts from the block's first.
void quantize_rows(MatrixView<float const> values,
                   kernels::QuantFormat const& format,
                   Range cols,
                   std::int64_t first_row,
                   QuantizedStripSink const& sink) {
  std::int64_t const step = std::max<std::int64_t>(2, strip_elements / values.cols / 2 * 2);
  for (std::int64_t row = 0; row < values.rows; row += step) {
    auto const strip = rows_of(values, row, std::min(step, values.rows - row));
    sink({strip, kernels::quantize(strip, format), cols, first_row + row});
  }
}

/// The one row of a stack, [in, out], as [out, in].
std::vector<float> turned(std::vector<float> const& values, std::int64_t out) {
  std::int64_t const in = std::ssize(values) / out;
  std::vector<float> result(values.size());
  for (std::int64_t i = 0; i < in; ++i) {
    for (std::int64_t o = 0; o < out; ++o) {
      result[static_cast<std::size_t>(o * in + i)] = values[static_cast<std::size_t>(i * out + o)];
    }
  }
  return result;
}

void quantize_piece(io::TensorPiece const& piece,
                    TensorBlock const& block,
                    kernels::QuantFormat const& format,
                    QuantizedStripSink const& sink) {
  std::vector<float> values(static_cast<std::size_t>(piece.rows * piece.cols));
  io::convert_to_float(piece, {values.data(), piece.rows, piece.cols, piece.cols});
  if (block.stacked_cols > 0) {
    std::int64_t const out = block.stacked_cols;
    std::int64_t const in = piece.cols / out;
    std::vector<float> const rows = turned(values, out);
    quantize_rows({rows.data(), out, in, in}, format, {0, in}, 0, sink);
    return;
  }
  quantize_rows({values.data(), piece.rows, piece.cols, piece.cols},
                format,
                shifted(block.cols, -whole_groups(block, format).first),
                piece.first_row - block.rows.first,
                sink);
}

}  // namespace

io::TensorDemand demand_quantized(TensorBlock const& block,
                                  kernels::QuantFormat const& format,
                                  QuantizedStripSink sink) {
  io::TensorDemand demand;
  demand.name = block.name;
  demand.rows = {block.rows.first, block.rows.last};
  Range const cols = block.stacked_cols > 0 ? block.cols : whole_groups(block, format);
  demand.columns = {cols.first, cols.last};
  demand.expected = io::ExpectedShape{block.tensor_rows, block.tensor_cols};
  demand.sink = [block, format, sink = std::move(sink)](io::TensorPiece const& piece) {
    quantize_piece(piece, block, format, sink);
  };
  return demand;
}

}  // namespace talus::runtime
