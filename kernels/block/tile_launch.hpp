// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block/each_quad.hpp"
#include "kernels/block/tile_matmul.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// Rounds to bfloat16, four elements at a time; what the last four have beyond the row is zero.
struct RoundRows {
  static constexpr char const* name = "talus::kernels::round_rows";

  QuadMatrix<float const> x;
  MatrixView<std::uint16_t> y;  ///< [rows, a multiple of 8]

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad const values = load_quad(block, x, t, j);
    Vector<std::uint16_t, quad> rounded;
    for (int k = 0; k < quad; ++k) {
      rounded[k] = float_to_bf16(values[k]);
    }
    block.store(y, t, j, rounded);
  }
};

/// What a job of products of bfloat16 is before its tiles are chosen.
struct TileProduct {
  MatrixView<float const> x;  ///< some rows and columns of the operation's input
  MatrixView<std::uint16_t const> w;
  MatrixView<float> y;
};

/// The input of an operation, rounded; in memory of the operation.
class RoundedInput {
 public:
  template <class Device>
  RoundedInput(Device& device, MatrixView<float const> x) : x_{x} {
    std::int64_t const stride = round_up(x.cols, 8);
    auto const memory = device.template scratch<std::uint16_t>(x.rows * stride);
    rounded_ = {memory.data, x.rows, stride, stride};
    for_each_quad(device, x.rows, x.cols, RoundRows{by_quads(x), rounded_});
  }

  /// The part of it that is `part` of the input.
  [[nodiscard]] MatrixView<std::uint16_t const> part(MatrixView<float const> part) const {
    std::int64_t const offset = part.data - x_.data;
    std::int64_t const stride = std::max<std::int64_t>(x_.row_stride, 1);
    std::int64_t const first = offset / stride * rounded_.row_stride + offset % stride;
    return {rounded_.data + first, part.rows, part.cols, rounded_.row_stride};
  }

 private:
  MatrixView<float const> x_;
  MatrixView<std::uint16_t> rounded_;
};

template <TileShape Shape, class Input, class Device>
void launch_tiles(Device& device, std::vector<TileJob<Input>> const& jobs) {
  TileGrid grid;
  for (TileJob<Input> const& job : jobs) {
    grid.row_tiles = std::max(grid.row_tiles, ceil_div(job.y.rows, Shape.rows()));
    grid.output_tiles = std::max(grid.output_tiles, ceil_div(job.y.cols, Shape.outputs()));
  }
  device.launch({{grid.size(), 1, std::ssize(jobs)}, Shape.threads(), Shape.shared_bytes()},
                TileMatmul<Shape, Input>{device.upload(std::span{jobs}), grid});
}

/// Jobs whose input is rounded as it is staged.
template <TileShape Shape, class Device>
void run_rounding_tiles(Device& device, std::span<TileProduct const> products) {
  std::vector<TileJob<float>> jobs;
  for (TileProduct const& product : products) {
    jobs.push_back({product.x,
                    product.w,
                    product.y,
                    rows_are_aligned(product.x),
                    rows_are_aligned(product.w)});
  }
  launch_tiles<Shape>(device, jobs);
}

/// Jobs whose input is rounded before, once for all tiles.
template <TileShape Shape, class Device>
void run_rounded_tiles(Device& device,
                       MatrixView<float const> x,
                       std::span<TileProduct const> products) {
  RoundedInput const rounded{device, x};
  std::vector<TileJob<std::uint16_t>> jobs;
  for (TileProduct const& product : products) {
    auto const part = rounded.part(product.x);
    jobs.push_back(
        {part, product.w, product.y, rows_are_aligned(part), rows_are_aligned(product.w)});
  }
  launch_tiles<Shape>(device, jobs);
}

/// All products at once, by the tiles of `choice`, which change no bit.
///
/// \param x  of which the products have parts
template <class Device>
void run_tiles(Device& device,
               TileChoice choice,
               MatrixView<float const> x,
               std::span<TileProduct const> products) {
  switch (choice) {
    case TileChoice::few:
      return run_rounding_tiles<few_row_tiles>(device, products);
    case TileChoice::some:
      return run_rounded_tiles<some_row_tiles>(device, x, products);
    case TileChoice::more:
      return run_rounded_tiles<more_row_tiles>(device, x, products);
    case TileChoice::more_wide:
      return run_rounded_tiles<more_row_wide_tiles>(device, x, products);
    case TileChoice::many:
      return run_rounded_tiles<many_row_tiles>(device, x, products);
  }
}

template <class Device>
void run_tiles(Device& device, MatrixView<float const> x, std::span<TileProduct const> products) {
  std::int64_t rows = 0;
  std::int64_t outputs = 0;
  for (TileProduct const& product : products) {
    rows = std::max(rows, product.y.rows);
    outputs = std::max(outputs, product.y.cols);
  }
  if (rows > 0 && outputs > 0) {
    run_tiles(device, choose_tiles(rows, outputs, std::ssize(products)), x, products);
  }
}

}  // namespace talus::kernels::block
