// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/float_code_parts.hpp"
#include "kernels/block/float_code_rows.hpp"
#include "kernels/block/float_code_stage.hpp"
#include "kernels/block/float_code_tiles.hpp"
#include "kernels/block/jobs.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/tile_launch.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::block {

/// A product with codes of fp8, over all inputs of its weights.
struct FloatCodeProduct {
  MatrixView<float const> x;  ///< some columns of the operation's input
  PackedWeights const& w;
  MatrixView<float> y;
};

/// Products at a time.
struct FloatCodeProducts {
  MatrixView<float const> x;  ///< of which they have columns
  std::span<FloatCodeProduct const> list;
  ExpertRows experts{};  ///< of the only product, if it has them
  /// Of the only product, where it is summed over leaves; empty: plain sums.
  std::vector<TilePart> parts{};
  std::span<MatrixView<float> const> nodes{};
};

/// Many rows, whose time is that of multiplying: a warp has 64 rows for the codes that it widens,
/// which takes about as long as its products.
inline constexpr TileShape many_row_code_tiles{
    .warp_outputs = 2, .warp_rows = 8, .output_warps = 4, .row_warps = 2};

/// How products of fp8 are cut, which changes no bit: by FloatCodeRows, of one panel a block or of
/// two, or by FloatCodeTiles.
enum class FloatCodeChoice { one_panel, two_panels, some, more, more_wide, many };

/// The least number of blocks of two panels that keep a large GPU busy, two on each of its 132
/// multiprocessors: each reads the rows for twice as many outputs then.
inline constexpr std::int64_t enough_panel_blocks = 264;

/// \param rows     of the job with the most
/// \param outputs  likewise
/// \param jobs     products at a time
[[nodiscard]] constexpr FloatCodeChoice choose_float_code_tiles(std::int64_t rows,
                                                                std::int64_t outputs,
                                                                std::int64_t jobs) {
  switch (choose_tiles(rows, outputs, jobs)) {
    case TileChoice::few:
      return ceil_div(outputs, 2 * CodeLayout::panel_outputs) * jobs >= enough_panel_blocks
                 ? FloatCodeChoice::two_panels
                 : FloatCodeChoice::one_panel;
    case TileChoice::some:
      return FloatCodeChoice::some;
    case TileChoice::more:
      return FloatCodeChoice::more;
    case TileChoice::more_wide:
      return FloatCodeChoice::more_wide;
    default:
      return FloatCodeChoice::many;
  }
}

/// The sums of products, as kernels want them.
template <class Device>
[[nodiscard]] FloatCodeSums float_code_sums(Device& device, FloatCodeProducts const& products) {
  FloatCodeSums sums;
  if (products.parts.empty()) {
    for (FloatCodeProduct const& product : products.list) {
      FloatCodeParts const parts{CodeMatrix{product.w}.layout,
                                 {0, static_cast<std::int32_t>(product.w.in())}};
      sums.most_parts = std::max<std::int64_t>(sums.most_parts, parts.size());
    }
    return sums;
  }
  sums.parts = device.upload(std::span{products.parts});
  sums.nodes = device.upload(products.nodes);
  sums.most_parts = std::ssize(products.parts);
  return sums;
}

template <int Panels, int Depth, class Device>
void launch_float_code_rows(Device& device, FloatCodeProducts const& products) {
  FloatCodeRows<Panels, Depth> kernel;
  std::vector<FloatCodeJob<float>> jobs;
  for (FloatCodeProduct const& product : products.list) {
    jobs.push_back({product.x, CodeMatrix{product.w}, product.y, by_quads(product.x).is_aligned});
  }
  JobExtent const extent = extent_of(products.list);
  kernel.jobs = {device.upload(std::span{std::as_const(jobs)}), products.experts};
  kernel.sums = float_code_sums(device, products);
  device.launch({{ceil_div(extent.outputs, Panels * CodeLayout::panel_outputs),
                  extent.row_tiles(products.experts, fragment_rows),
                  std::ssize(jobs)},
                 kernel.threads,
                 kernel.shared_bytes()},
                kernel);
}

template <TileShape Shape, int Depth, class Device>
void launch_float_code_tiles(Device& device, FloatCodeProducts const& products) {
  FloatCodeTiles<Shape, Depth> kernel;
  RoundedInput const rounded{device, products.x, products.experts};
  std::vector<FloatCodeJob<std::uint16_t>> jobs;
  for (FloatCodeProduct const& product : products.list) {
    auto const x = rounded.part(product.x);
    bool const is_aligned = rows_are_aligned(x) && x.cols % 2 == 0;
    jobs.push_back({x, CodeMatrix{product.w}, product.y, is_aligned});
  }
  JobExtent const extent = extent_of(products.list);
  kernel.grid.row_tiles = extent.row_tiles(products.experts, Shape.rows());
  kernel.grid.output_tiles = ceil_div(extent.outputs, Shape.outputs());
  kernel.jobs = {device.upload(std::span{std::as_const(jobs)}), products.experts};
  kernel.sums = float_code_sums(device, products);
  device.launch({{kernel.grid.size(), 1, std::ssize(jobs)}, Shape.threads(), kernel.shared_bytes()},
                kernel);
}

/// Plain sums, which take no stack, or sums over leaves.
template <int Depth, class Device>
void launch_float_codes(Device& device, FloatCodeChoice choice, FloatCodeProducts const& products) {
  switch (choice) {
    case FloatCodeChoice::one_panel:
      return launch_float_code_rows<1, Depth>(device, products);
    case FloatCodeChoice::two_panels:
      return launch_float_code_rows<2, Depth>(device, products);
    case FloatCodeChoice::some:
      return launch_float_code_tiles<some_row_tiles, Depth>(device, products);
    case FloatCodeChoice::more:
      return launch_float_code_tiles<more_row_tiles, Depth>(device, products);
    case FloatCodeChoice::more_wide:
      return launch_float_code_tiles<more_row_wide_tiles, Depth>(device, products);
    case FloatCodeChoice::many:
      return launch_float_code_tiles<many_row_code_tiles, Depth>(device, products);
  }
}

template <class Device>
void run_float_codes(Device& device, FloatCodeChoice choice, FloatCodeProducts const& products) {
  if (products.parts.empty()) {
    return launch_float_codes<1>(device, choice, products);
  }
  launch_float_codes<leaf_depth>(device, choice, products);
}

template <class Device>
void run_float_codes(Device& device, FloatCodeProducts const& products) {
  JobExtent const extent = extent_of(products.list);
  if (!extent.is_empty()) {
    std::int64_t const jobs =
        products.experts.is_empty()
            ? std::ssize(products.list)
            : std::min(products.experts.expected_of(extent.rows), products.experts.num_experts());
    run_float_codes(
        device,
        choose_float_code_tiles(extent.usual_rows(products.experts), extent.outputs, jobs),
        products);
  }
}

template <class Device>
void multiply_float_codes(Device& device,
                          MatrixView<float const> x,
                          std::span<FloatCodeProduct const> products,
                          ExpertRows const& experts) {
  run_float_codes(device, {x, products, experts});
}

/// One product, whose kernel folds the leaves as it goes.
template <class Device>
void float_code_leaves(Device& device,
                       MatrixView<float const> x,
                       PackedWeights const& w,
                       LeafSums const& sums,
                       std::span<MatrixView<float> const> partials) {
  FloatCodeProduct const product{x, w, partials.front()};
  run_float_codes(device,
                  {x, {&product, 1}, {}, parts_of_leaves(sums, CodeMatrix{w}.layout), partials});
}

}  // namespace talus::kernels::block
