// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matmul.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/code_tiles.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/float_code_launch.hpp"
#include "kernels/block/fold_leaves.hpp"
#include "kernels/block/integer_code_rows.hpp"
#include "kernels/block/jobs.hpp"
#include "kernels/block/library_codes.hpp"
#include "kernels/block/quantize_rows.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::block {

/// A product of rows with quantised weights, or with a part of their inputs.
struct CodeProduct {
  MatrixView<float const> x;   ///< [rows, in]
  std::int64_t first_row = 0;  ///< among the rows of all products of an operation
  PackedWeights const& w;
  InputRange inputs;
  MatrixView<float> y;
};

[[nodiscard]] inline InputRange all_inputs(PackedWeights const& w) {
  return {0, static_cast<std::int32_t>(w.in())};
}

/// How products of integer codes are cut, which changes no bit: by CodeMatmul of one row or of
/// some, by IntegerCodeRows of 8 rows, 16 or 32, or by CodeTiles.
enum class CodeChoice { one, few, rows_8, rows_16, rows_32, tiles };

/// Reckoned, not measured: so many rows take dp4a more instructions than tensor cores.
inline constexpr std::int64_t least_shared_rows = 4;

/// \param rows  of the job with the most; of an expert, as many as the others have
[[nodiscard]] constexpr CodeChoice choose_code_kernel(std::int64_t rows) {
  if (rows < least_shared_rows) {
    return rows <= 1 ? CodeChoice::one : CodeChoice::few;
  }
  if (rows > 32) {
    return CodeChoice::tiles;
  }
  return rows <= 8 ? CodeChoice::rows_8 : rows <= 16 ? CodeChoice::rows_16 : CodeChoice::rows_32;
}

/// Products of integer codes at a time.
struct IntegerProducts {
  std::vector<CodeJob> const& jobs;
  ExpertRows experts;
  QuantizedRows x;
};

/// \tparam Kernel   of all jobs at once
/// \param outputs   of a tile
/// \param rows      likewise
template <class Kernel, class Device>
void launch_code_kernel(Device& device,
                        IntegerProducts const& products,
                        std::int64_t outputs,
                        std::int64_t rows) {
  JobExtent const extent = extent_of(products.jobs);
  device.launch({{ceil_div(extent.outputs, outputs),
                  extent.row_tiles(products.experts, rows),
                  std::ssize(products.jobs)},
                 Kernel::threads,
                 Kernel::shared_bytes()},
                Kernel{{device.upload(std::span{products.jobs}), products.experts}, products.x});
}

template <QuantKind Kind, class Device>
void launch_codes(Device& device, CodeChoice choice, IntegerProducts const& products) {
  using Tiles = CodeTiles<Kind>;
  switch (choice) {
    case CodeChoice::one:
      return launch_code_kernel<CodeMatmul<Kind, 1>>(device, products, warp_size, 1);
    case CodeChoice::few:
      return launch_code_kernel<CodeMatmul<Kind, 8>>(device, products, warp_size, 8);
    case CodeChoice::rows_8:
      return launch_code_kernel<IntegerCodeRows<Kind, 8>>(device, products, warp_size, 8);
    case CodeChoice::rows_16:
      return launch_code_kernel<IntegerCodeRows<Kind, 16>>(device, products, warp_size, 16);
    case CodeChoice::rows_32:
      return launch_code_kernel<IntegerCodeRows<Kind, 32>>(device, products, warp_size, 32);
    case CodeChoice::tiles:
      return launch_code_kernel<Tiles>(device, products, Tiles::tile_outputs, Tiles::tile_rows);
  }
}

template <QuantKind Kind, class Device>
void multiply_integers(Device& device,
                       std::vector<CodeProduct> const& products,
                       ExpertRows const& experts,
                       QuantizedRows const& x) {
  std::vector<CodeJob> jobs;
  for (CodeProduct const& product : products) {
    jobs.push_back({CodeMatrix{product.w},
                    product.first_row,
                    product.inputs.first / static_cast<std::int32_t>(quant_chunk),
                    static_cast<std::int32_t>(ceil_div(product.inputs.last, quant_chunk)),
                    product.y});
  }
  JobExtent const extent = extent_of(jobs);
  if (!extent.is_empty()) {
    launch_codes<Kind>(device, choose_code_kernel(extent.usual_rows(experts)), {jobs, experts, x});
  }
}

/// Products with weights of one format.
///
/// \param x        [rows, ...], of which the products have columns
/// \param rows     that are quantised where codes are integers: each once, though several products
///                 may be with it
/// \param experts  of the only product, if it has them
template <class Device>
void multiply_codes(Device& device,
                    MatrixView<float const> x,
                    std::vector<CodeProduct> const& products,
                    std::vector<QuantizeJob> const& rows,
                    ExpertRows const& experts = {}) {
  if (products.empty()) {
    return;
  }
  QuantKind const kind = products.front().w.codes()->format.kind;
  if (kind == QuantKind::fp8_e4m3) {
    std::vector<FloatCodeProduct> floats;
    for (CodeProduct const& product : products) {
      floats.push_back({product.x, product.w, product.y});
    }
    return multiply_float_codes(device, x, floats, experts);
  }
  std::int64_t num_rows = 0;
  for (QuantizeJob const& job : rows) {
    num_rows = std::max(num_rows, job.first_row + job.x.rows);
  }
  QuantizedRows const quantized = quantize_rows(device, rows, num_rows, experts);
  switch (kind) {
    case QuantKind::int8:
      return multiply_integers<QuantKind::int8>(device, products, experts, quantized);
    case QuantKind::int4:
      return multiply_integers<QuantKind::int4>(device, products, experts, quantized);
    default:
      return multiply_integers<QuantKind::mxfp4>(device, products, experts, quantized);
  }
}

template <class Device>
void matmul_codes(Device& device,
                  MatrixView<float const> x,
                  PackedWeights const& w,
                  MatrixView<float> y) {
  if (w.codes()->order == CodeOrder::rows) {
    return library_matmul_codes(device, x, w, y);
  }
  multiply_codes(device, x, {{x, 0, w, all_inputs(w), y}}, {{x, 0}});
}

/// The rows are quantised once for all products, but for those that are a library's.
template <class Device>
void joint_matmul_codes(Device& device,
                        MatrixView<float const> x,
                        std::span<JointProduct const> joint) {
  std::vector<CodeProduct> products;
  for (JointProduct const& product : joint) {
    if (product.w->codes()->order == CodeOrder::rows) {
      library_matmul_codes(device, x, *product.w, product.y);
    } else {
      products.push_back({x, 0, *product.w, all_inputs(*product.w), product.y});
    }
  }
  multiply_codes(device, x, products, {{x, 0}});
}

template <class Device>
void grouped_matmul_codes(Device& device,
                          MatrixView<float const> x,
                          RowsByExpert const& cut,
                          std::span<PackedWeights const> experts,
                          MatrixView<float> y) {
  PackedWeights const& any = experts.front();
  multiply_codes(
      device, x, {{x, 0, any, all_inputs(any), y}}, {{x, 0}}, expert_rows(device, cut, experts));
}

template <class Device>
void matmul_code_heads(Device& device,
                       MatrixView<float const> x,
                       std::span<PackedWeights const> heads,
                       HeadStrides const& strides,
                       MatrixView<float> y) {
  std::vector<CodeProduct> products;
  std::vector<QuantizeJob> rows;
  for_each_head(x, heads, strides, y, [&](auto const& w, std::int64_t h, auto own_x, auto own_y) {
    products.push_back({own_x, h * x.rows, w, all_inputs(w), own_y});
    rows.push_back({own_x, h * x.rows});
  });
  multiply_codes(device, x, products, rows);
}

/// Of integers, each leaf is a product of its own; then the leaves of each node are folded.
template <class Device>
void matmul_code_leaves(Device& device,
                        MatrixView<float const> x,
                        PackedWeights const& w,
                        LeafSums const& sums,
                        std::span<MatrixView<float> const> partials) {
  if (x.rows == 0 || w.out() == 0) {
    return;
  }
  if (w.codes()->order == CodeOrder::rows) {
    return library_code_leaves(device, x, w, partials);
  }
  if (w.codes()->format.kind == QuantKind::fp8_e4m3) {
    return float_code_leaves(device, x, w, sums, partials);
  }
  auto const& cuts = sums.partition.boundaries;
  std::int64_t const leaf_size = x.rows * w.out();
  auto const scratch = device.template scratch<float>((std::ssize(cuts) - 1) * leaf_size);
  std::vector<CodeProduct> products;
  for (std::size_t leaf = 0; leaf + 1 < cuts.size(); ++leaf) {
    float* const to = scratch.data + static_cast<std::int64_t>(leaf) * leaf_size;
    products.push_back({x, 0, w, {cuts[leaf], cuts[leaf + 1]}, {to, x.rows, w.out(), w.out()}});
  }
  multiply_codes(device, x, products, {{x, 0}});
  fold_leaves(device, sums, {scratch.data, scratch.size}, {x.rows, w.out()}, partials);
}

}  // namespace talus::kernels::block
