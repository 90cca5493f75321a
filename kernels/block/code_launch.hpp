// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matmul.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/code_tiles.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/float_code_launch.hpp"
#include "kernels/block/fold_leaves.hpp"
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

/// Runs a kernel for all jobs at once; the tile is that of the job with the most rows, or of an
/// expert with as many as the others, which changes no bit.
///
/// \tparam Kernel  of the rows of a tile: Kernel<8>
template <template <int> class Kernel, class Device, class Job, class... More>
void launch_tiles(Device& device,
                  std::vector<Job> const& jobs,
                  ExpertRows const& experts,
                  More const&... more) {
  JobExtent const extent = extent_of(jobs);
  if (extent.is_empty()) {
    return;
  }
  auto const launch = [&]<int Rows>(std::integral_constant<int, Rows>) {
    using Tile = Kernel<Rows>;
    device.launch(
        {{ceil_div(extent.outputs, warp_size), extent.row_tiles(experts, Rows), std::ssize(jobs)},
         Tile::threads,
         Tile::shared_bytes()},
        Tile{{device.upload(std::span{jobs}), experts}, more...});
  };
  if (extent.rows == 1) {
    return launch(std::integral_constant<int, 1>{});
  }
  if (extent.usual_rows(experts) <= 8) {
    return launch(std::integral_constant<int, 8>{});
  }
  launch(std::integral_constant<int, 32>{});
}

template <QuantKind Kind>
struct IntegerKernels {
  template <int Rows>
  using Kernel = CodeMatmul<Kind, Rows>;
};

/// The least rows that tensor cores multiply: as many as CodeMatmul reads codes once for. Reckoned,
/// not measured.
inline constexpr std::int64_t least_tile_rows = 33;

/// Runs integer products by tensor cores.
template <QuantKind Kind, class Device>
void launch_code_tiles(Device& device,
                       std::vector<CodeJob> const& jobs,
                       ExpertRows const& experts,
                       QuantizedRows const& x) {
  using Tiles = CodeTiles<Kind>;
  JobExtent const extent = extent_of(jobs);
  device.launch({{ceil_div(extent.outputs, Tiles::tile_outputs),
                  extent.row_tiles(experts, Tiles::tile_rows),
                  std::ssize(jobs)},
                 Tiles::threads,
                 Tiles::shared_bytes()},
                Tiles{{device.upload(std::span{jobs}), experts}, x});
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
  if (!extent.is_empty() && extent.usual_rows(experts) >= least_tile_rows) {
    return launch_code_tiles<Kind>(device, jobs, experts, x);
  }
  launch_tiles<IntegerKernels<Kind>::template Kernel>(device, jobs, experts, x);
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
