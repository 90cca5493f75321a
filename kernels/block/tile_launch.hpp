// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block/each_quad.hpp"
#include "kernels/block/expert_quads.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/jobs.hpp"
#include "kernels/block/tile_matmul.hpp"
#include "kernels/operations.hpp"
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

/// Products at a time, over as many inputs each.
struct TileProducts {
  std::span<TileProduct const> list;
  ExpertRows experts{};  ///< of the only product, if it has them
};

/// The input of an operation, rounded; in memory of the operation.
class RoundedInput {
 public:
  template <class Device>
  RoundedInput(Device& device, MatrixView<float const> x, ExpertRows const& experts) : x_{x} {
    std::int64_t const stride = round_up(x.cols, 8);
    auto const memory = device.template scratch<std::uint16_t>(x.rows * stride);
    rounded_ = {memory.data, x.rows, stride, stride};
    for_each_quad(device, experts, x.rows, x.cols, RoundRows{by_quads(x), rounded_});
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

/// How products are summed.
struct TileSums {
  std::vector<TilePart> parts;               ///< of all products; empty: plain sums
  std::span<MatrixView<float> const> nodes;  ///< what sums over leaves are stored to

  /// Whether each part begins where 16 bytes of bfloat16 do, if its row does.
  [[nodiscard]] bool is_aligned() const {
    return std::all_of(
        parts.begin(), parts.end(), [](TilePart const& part) { return part.first % 8 == 0; });
  }
};

/// Sums that may wait on the stack, of max_leaves leaves: bits of that number, and the leaf that is
/// being summed.
inline constexpr int leaf_depth = 10;

/// The parts of a sum over leaves: each leaf's, one after another, and then the tree's folds.
[[nodiscard]] inline std::vector<TilePart> parts_of_leaves(LeafSums const& sums) {
  LeafPartition const& partition = sums.partition;
  std::vector<TilePart> parts;
  for (LeafRange const& node : sums.nodes) {
    for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
      auto const i = static_cast<std::size_t>(leaf - partition.run.first);
      std::int32_t const first = partition.boundaries[i];
      std::int64_t const inputs = partition.boundaries[i + 1] - first;
      for (std::int64_t number = 0; number < parts_of_sum(inputs); ++number) {
        parts.push_back(part_of_sum(number, inputs));
        parts.back().first += first;
        parts.back().is_last = 0;
      }
      std::int32_t const folds = partition.tree->folds_after({leaf, leaf + 1}, node.first);
      parts.back().folds = static_cast<std::int8_t>(parts.back().folds + folds);
    }
    parts.back().is_last = 1;
  }
  return parts;
}

template <TileShape Shape, int Depth, class Input, class Device>
void launch_tiles(Device& device,
                  std::vector<TileJob<Input>> const& jobs,
                  ExpertRows const& experts,
                  TileSums const& sums) {
  TileMatmul<Shape, Input, Depth> kernel;
  JobExtent const extent = extent_of(jobs);
  kernel.grid.row_tiles = extent.row_tiles(experts, Shape.rows());
  kernel.grid.output_tiles = ceil_div(extent.outputs, Shape.outputs());
  kernel.jobs = {device.upload(std::span{jobs}), experts};
  kernel.num_parts = parts_of_sum(jobs.front().x.cols);
  if (!sums.parts.empty()) {
    kernel.num_parts = std::ssize(sums.parts);
    kernel.parts = device.upload(std::span{sums.parts});
    kernel.nodes = device.upload(sums.nodes);
  }
  std::int64_t const shared = Shape.shared_bytes() + shared_bytes_of<TilePart>(kernel.num_parts);
  device.launch({{kernel.grid.size(), 1, std::ssize(jobs)}, Shape.threads(), shared}, kernel);
}

/// Plain sums, which take no stack, or sums over leaves.
template <TileShape Shape, class Input, class Device>
void launch_sums(Device& device,
                 std::vector<TileJob<Input>> const& jobs,
                 ExpertRows const& experts,
                 TileSums const& sums) {
  if (sums.parts.empty()) {
    return launch_tiles<Shape, 1>(device, jobs, experts, sums);
  }
  launch_tiles<Shape, leaf_depth>(device, jobs, experts, sums);
}

/// Jobs whose input is rounded as it is staged.
template <TileShape Shape, class Device>
void run_rounding_tiles(Device& device, TileProducts const& products, TileSums const& sums) {
  std::vector<TileJob<float>> jobs;
  for (TileProduct const& product : products.list) {
    jobs.push_back({product.x,
                    product.w,
                    product.y,
                    sums.is_aligned() && rows_are_aligned(product.x),
                    sums.is_aligned() && rows_are_aligned(product.w)});
  }
  launch_sums<Shape>(device, jobs, products.experts, sums);
}

/// Jobs whose input is rounded before, once for all tiles.
template <TileShape Shape, class Device>
void run_rounded_tiles(Device& device,
                       MatrixView<float const> x,
                       TileProducts const& products,
                       TileSums const& sums) {
  RoundedInput const rounded{device, x, products.experts};
  std::vector<TileJob<std::uint16_t>> jobs;
  for (TileProduct const& product : products.list) {
    auto const part = rounded.part(product.x);
    jobs.push_back({part,
                    product.w,
                    product.y,
                    sums.is_aligned() && rows_are_aligned(part),
                    sums.is_aligned() && rows_are_aligned(product.w)});
  }
  launch_sums<Shape>(device, jobs, products.experts, sums);
}

/// All products at once, over as many inputs each, by the tiles of `choice`, which change no bit.
///
/// \param x  of which the products have parts
template <class Device>
void run_tiles(Device& device,
               TileChoice choice,
               MatrixView<float const> x,
               TileProducts const& products,
               TileSums const& sums = {}) {
  switch (choice) {
    case TileChoice::few:
      return run_rounding_tiles<few_row_tiles>(device, products, sums);
    case TileChoice::some:
      return run_rounded_tiles<some_row_tiles>(device, x, products, sums);
    case TileChoice::more:
      return run_rounded_tiles<more_row_tiles>(device, x, products, sums);
    case TileChoice::more_wide:
      return run_rounded_tiles<more_row_wide_tiles>(device, x, products, sums);
    case TileChoice::many:
      return run_rounded_tiles<many_row_tiles>(device, x, products, sums);
  }
}

template <class Device>
void run_tiles(Device& device,
               MatrixView<float const> x,
               TileProducts const& products,
               TileSums const& sums = {}) {
  JobExtent const extent = extent_of(products.list);
  if (!extent.is_empty()) {
    std::int64_t const jobs =
        products.experts.is_empty()
            ? std::ssize(products.list)
            : std::min(products.experts.expected_of(extent.rows), products.experts.num_experts());
    TileChoice const choice =
        choose_tiles(extent.usual_rows(products.experts), extent.outputs, jobs);
    run_tiles(device, choice, x, products, sums);
  }
}

}  // namespace talus::kernels::block
