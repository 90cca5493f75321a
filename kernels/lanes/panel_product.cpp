// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/panel_product.hpp"

#include <algorithm>
#include <limits>

#include "kernels/lanes/tile_results.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Panels that share a pass over the rows of x.
constexpr std::int64_t max_group_panels = 4;

/// Inputs of a block, where there are more rows than a tile's: the group's weights, 256 KB, stay in
/// the second-level cache for all tiles.
constexpr std::int64_t block_inputs = 2048;

/// Floats for the unfinished sums of a group's tiles, between two blocks.
constexpr std::int64_t state_floats = 48 * 1024;

/// What one tile does of a product: a block of its sums.
struct TileJob {
  PanelProduct const& product;
  SumBlock block;
  TileInput x;
  std::int64_t row = 0;
  std::int64_t panel = 0;
  float* state = nullptr;  ///< its unfinished sums, where the product has more than one block
  std::int64_t ahead = 0;  ///< bytes from the block's weights to those it asks for; 0: none
};

/// What a tile asks for while it works on a segment from input `first` on.
template <class Weight>
std::byte const* memory_ahead(TileJob const& job, Weight const* panel, std::int64_t first) {
  if (job.ahead == 0) {
    return nullptr;
  }
  auto const* const block = reinterpret_cast<std::byte const*>(panel + job.block.first * num_lanes);
  return block + job.ahead + (first - job.block.first) / line_inputs * line_bytes;
}

TileInput rows_at(PanelProduct const& product, std::int64_t row, std::int64_t num_rows) {
  if (product.packed != nullptr) {
    return {product.packed + row * product.x.cols, 1, num_rows};
  }
  return {product.x.data + row * product.x.row_stride, product.x.row_stride, 1};
}

template <int Rows, int Panels>
void load_stack(TileJob const& job, int depth, Tile<Rows, Panels>* stack) {
  constexpr int size = Rows * Panels;
  for (int i = 0; i < depth * size; ++i) {
    stack[i / size].sums[i % size / Panels][i % Panels] = load(job.state + i * num_lanes);
  }
}

template <int Rows, int Panels>
void save_stack(TileJob const& job, int depth, Tile<Rows, Panels> const* stack) {
  constexpr int size = Rows * Panels;
  for (int i = 0; i < depth * size; ++i) {
    store(job.state + i * num_lanes, stack[i / size].sums[i % size / Panels][i % Panels]);
  }
}

/// All segments, or parts of them, that lie in the job's block.
template <int Rows, int Panels, class Weight>
void multiply_tile(TileJob const& job) {
  PanelProduct const& product = job.product;
  std::int64_t const panel_stride = panel_elements<Weight>(product.w->in());
  auto const* const weights = reinterpret_cast<Weight const*>(product.w->data());
  TileWeights<Weight> const w{weights + job.panel * panel_stride, panel_stride};
  SumBlock const& block = job.block;
  Tile<Rows, Panels> stack[Segments::max_depth + 1];
  int depth = depth_before(product.segments, block);
  load_stack(job, depth, stack);

  for (std::size_t s = block.segment; s < product.segments.size(); ++s) {
    Segment const& segment = product.segments[s];
    if (segment.first >= block.last && !block.is_last) {
      break;
    }
    Tile<Rows, Panels> tile{};
    if (segment.first < block.first) {
      tile = stack[--depth];
    }
    std::int64_t const first = std::max(segment.first, block.first);
    std::int64_t const last = std::min(segment.last, block.last);
    if constexpr (Rows > max_tile_rows / 2) {
      tile.accumulate(job.x, w, first, last, memory_ahead(job, w.data, first));
    } else {
      tile.accumulate(job.x, w, first, last);  // the only tile, or of few rows
    }
    if (segment.last > block.last) {
      stack[depth++] = tile;
      break;
    }
    for (std::int32_t i = 0; i < segment.folds; ++i) {
      fold(stack[--depth], tile);
      tile = stack[depth];
    }
    if (segment.node < 0) {
      stack[depth++] = tile;
    } else {
      store_tile(tile, results_of(product, segment), job.row, job.panel);
    }
  }
  save_stack(job, depth, stack);
}

/// One tile's rows of a group's panels; a panel's state follows another's at `state_stride`.
template <class Weight>
void multiply_rows(TileJob const& first,
                   std::int64_t num_rows,
                   PanelRange panels,
                   std::int64_t state_stride) {
  with_tile_rows(num_rows, [&](auto rows) {
    constexpr int width = tile_panels(rows());
    TileJob job = first;
    job.panel = panels.first;
    for (; job.panel + width <= panels.last; job.panel += width) {
      multiply_tile<rows(), width, Weight>(job);
      job.state += width * state_stride;
    }
    for (; job.panel < panels.last; ++job.panel) {
      multiply_tile<rows(), 1, Weight>(job);
      job.state += state_stride;
    }
  });
}

/// Tiles of rows [first, last).
struct TileRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Floats for what a tile of one panel leaves unfinished between two blocks.
std::int64_t floats_of_state(PanelProduct const& product) {
  int most = 1;
  SumBlock block;
  do {
    block = next_block(product.segments, block, block_inputs);
    most = std::max(most, depth_before(product.segments, block));
  } while (!block.is_last);
  return most * max_tile_rows * num_lanes;
}

/// Bytes from a block's weights to those that its `index`th tile asks for: a slice of what the
/// panel has next, its own next block or the first one of the next group's panel, `width` panels
/// on.
template <class Weight>
std::int64_t bytes_ahead(PanelProduct const& product,
                         SumBlock const& block,
                         std::int64_t width,
                         std::int64_t index) {
  constexpr std::int64_t input_bytes = num_lanes * sizeof(Weight);
  constexpr std::int64_t slices = input_bytes * line_inputs / line_bytes;
  if (index >= slices) {
    return 0;
  }
  std::int64_t const inputs = block.last - block.first;
  std::int64_t const next = block.is_last ? width * product.w->in() - block.first : inputs;
  return next * input_bytes + index * inputs / line_inputs * line_bytes;
}

/// Tiles [first, last) of a group, block after block: each block of weights serves all tiles before
/// the next, which comes from memory while it does.
template <class Weight>
void multiply_blocks(PanelProduct const& product, PanelRange panels, TileRange tiles) {
  alignas(64) float states[state_floats];
  std::int64_t const width = panels.last - panels.first;
  std::int64_t const state_stride = floats_of_state(product);
  TileRows const rows{product.x.rows};
  SumBlock block;
  do {
    block = next_block(product.segments, block, block_inputs);
    for (std::int64_t t = tiles.first; t < tiles.last; ++t) {
      std::int64_t const row = rows.begin(t);
      std::int64_t const num_rows = rows.begin(t + 1) - row;
      TileJob const job{product,
                        block,
                        rows_at(product, row, num_rows),
                        row,
                        panels.first,
                        states + (t - tiles.first) * width * state_stride,
                        bytes_ahead<Weight>(product, block, width, t)};
      multiply_rows<Weight>(job, num_rows, panels, state_stride);
    }
  } while (!block.is_last);
}

template <class Weight>
void multiply(PanelProduct const& product, PanelRange panels) {
  TileRows const rows{product.x.rows};
  if (rows.count() == 1) {
    constexpr std::int64_t no_end = std::numeric_limits<std::int64_t>::max();
    SumBlock const whole = next_block(product.segments, {}, no_end);
    TileJob const job{
        product, whole, rows_at(product, 0, product.x.rows), 0, panels.first, nullptr};
    return multiply_rows<Weight>(job, product.x.rows, panels, 0);
  }
  std::int64_t const most =
      state_floats / (floats_of_state(product) * (panels.last - panels.first));
  for (std::int64_t first = 0; first < rows.count(); first += most) {
    multiply_blocks<Weight>(product, panels, {first, std::min(first + most, rows.count())});
  }
}

}  // namespace

std::int64_t num_packed_tiles(std::int64_t rows) {
  std::int64_t const tiles = TileRows{rows}.count();
  return tiles > 1 ? tiles : 0;
}

std::int64_t packed_row_size(PanelProduct const& product) {
  return product.x.cols;
}

void pack_tile(PanelProduct const& product, std::int64_t tile, float* packed) {
  MatrixView<float const> const& x = product.x;
  TileRows const tiles{x.rows};
  std::int64_t const first = tiles.begin(tile);
  std::int64_t const num_rows = tiles.begin(tile + 1) - first;
  float const* const from = x.data + first * x.row_stride;
  float* const to = packed + first * x.cols;
  for (std::int64_t i = 0; i < x.cols; ++i) {
    for (std::int64_t r = 0; r < num_rows; ++r) {
      to[i * num_rows + r] = from[r * x.row_stride + i];
    }
  }
}

PanelGroups::PanelGroups(std::int64_t rows, std::int64_t out)
    : panels_{(out + num_lanes - 1) / num_lanes} {
  std::int64_t const group = rows <= max_tile_rows
                                 ? tile_panels(static_cast<int>(std::max<std::int64_t>(rows, 1)))
                                 : max_group_panels;
  count_ = (panels_ + group - 1) / group;
}

void multiply_group(PanelProduct const& product, PanelRange panels) {
  if (product.x.rows == 0) {
    return;
  }
  if (product.w->dtype() == DType::f32) {
    multiply<float>(product, panels);
  } else {
    multiply<std::uint16_t>(product, panels);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
