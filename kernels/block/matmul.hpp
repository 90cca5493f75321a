// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/fold_leaves.hpp"
#include "kernels/block/jobs.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/library_matmul.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/tile_launch.hpp"
#include "kernels/joint_matmul.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// y[t, o] = sum_i x[t, i] * w[o, i].
template <class Element>
struct MatmulJob {
  MatrixView<float const> x;
  MatrixView<Element const> w;
  MatrixView<float> y;

  TALUS_DEVICE void end_rows(std::int64_t row) { x.rows = y.rows = row; }

  TALUS_DEVICE void take_weights(std::byte const* weights) {
    w.data = reinterpret_cast<Element const*>(weights);
  }
};

/// Several products, in plain multiply-adds: what serves where no library's matmul does, and what
/// faster ones are compared with. Weights lie as the checkpoint has them, [out, in].
///
/// Grid: tiles of 64 outputs, tiles of 4 * Rows rows, jobs (or of the rows of all experts, of which
/// surplus blocks leave, 1). Block: 256 threads; a thread has one
/// output and Rows rows. Shared memory: 32 inputs of the tile's rows and of its outputs' weights.
///
/// Order: over the inputs in order, fused: the bits of the CPU backends that fuse.
template <class Kind, int Rows>
struct Matmul {
  static constexpr char const* name = "talus::kernels::matmul";
  static constexpr int tile_outputs = 64;
  static constexpr int row_groups = 4;
  static constexpr int tile_rows = row_groups * Rows;
  static constexpr int tile_inputs = 32;
  static constexpr int threads = tile_outputs * row_groups;
  static constexpr int w_stride = tile_inputs + 1;  // so that neighbouring outputs share no bank

  Jobs<MatmulJob<typename Kind::Element>> jobs;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<float>(tile_rows * tile_inputs) +
           shared_bytes_of<float>(tile_outputs * w_stride);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, tile_rows);
    auto const& job = tile.job;
    std::int64_t const first_row = tile.first_row;
    std::int64_t const first_output = block.block_index().x * tile_outputs;
    if (!tile.is_there() || first_output >= job.y.cols) {
      return;
    }
    auto const x = shared_array<float>(block, tile_rows * tile_inputs);
    auto const w = shared_array<float>(block, tile_outputs * w_stride);
    float sums[std::size_t{Rows}] = {};
    for (std::int64_t i = 0; i < job.x.cols; i += tile_inputs) {
      load_tile(block, job, first_row, first_output, i, x, w);
      block.sync();
      std::int64_t const inputs = job.x.cols - i < tile_inputs ? job.x.cols - i : tile_inputs;
      add_products(block, x, w, inputs, sums);
      block.sync();
    }
    store(block, job, first_row, first_output, sums);
  }

 private:
  /// What the matrices don't have is zero.
  template <class Block, class Job>
  TALUS_DEVICE void load_tile(Block& block,
                              Job const& job,
                              std::int64_t first_row,
                              std::int64_t first_output,
                              std::int64_t first_input,
                              SharedSpan<float> x,
                              SharedSpan<float> w) const {
    for (int k = block.thread_index(); k < tile_rows * tile_inputs; k += threads) {
      std::int64_t const t = first_row + k / tile_inputs;
      std::int64_t const i = first_input + k % tile_inputs;
      bool const is_there = t < job.x.rows && i < job.x.cols;
      block.store(x, k, is_there ? block.load(job.x, t, i) : 0.0F);
    }
    for (int k = block.thread_index(); k < tile_outputs * tile_inputs; k += threads) {
      std::int64_t const o = first_output + k / tile_inputs;
      std::int64_t const i = first_input + k % tile_inputs;
      bool const is_there = o < job.w.rows && i < job.w.cols;
      float const weight = is_there ? Kind::value(block.load(job.w, o, i)) : 0.0F;
      block.store(w, k / tile_inputs * w_stride + k % tile_inputs, weight);
    }
  }

  template <class Block>
  TALUS_DEVICE void add_products(Block& block,
                                 SharedSpan<float> x,
                                 SharedSpan<float> w,
                                 std::int64_t inputs,
                                 float (&sums)[std::size_t{Rows}]) const {
    int const output = block.thread_index() % tile_outputs;
    int const row = block.thread_index() / tile_outputs * Rows;
    for (std::int64_t i = 0; i < inputs; ++i) {
      float const weight = block.load(w, output * w_stride + i);
      for (int r = 0; r < Rows; ++r) {
        sums[r] = multiply_add(block.load(x, (row + r) * tile_inputs + i), weight, sums[r]);
      }
    }
  }

  template <class Block, class Job>
  TALUS_DEVICE void store(Block& block,
                          Job const& job,
                          std::int64_t first_row,
                          std::int64_t first_output,
                          float const (&sums)[std::size_t{Rows}]) const {
    std::int64_t const o = first_output + block.thread_index() % tile_outputs;
    std::int64_t const t = first_row + block.thread_index() / tile_outputs * Rows;
    for (int r = 0; r < Rows; ++r) {
      if (o < job.y.cols && t + r < job.y.rows) {
        block.store(job.y, t + r, o, sums[r]);
      }
    }
  }
};

template <class Kind, int Rows, class Device, class List>
void launch_matmul(Device& device,
                   List const& jobs,
                   ExpertRows const& experts,
                   JobExtent const& extent) {
  using Kernel = Matmul<Kind, Rows>;
  device.launch({{ceil_div(extent.outputs, Kernel::tile_outputs),
                  extent.row_tiles(experts, Kernel::tile_rows),
                  std::ssize(jobs)},
                 Kernel::threads,
                 Kernel::shared_bytes()},
                Kernel{{device.upload(std::span{jobs}), experts}});
}

/// All jobs at once; the tile is that of the one with the most rows, or of an expert with as many
/// as the others, which changes no bit.
template <class Kind, class Device>
void run_jobs(Device& device,
              std::vector<MatmulJob<typename Kind::Element>> const& jobs,
              ExpertRows const& experts) {
  JobExtent const extent = extent_of(jobs);
  if (extent.is_empty()) {
    return;
  }
  std::int64_t const rows = extent.usual_rows(experts);
  if (rows <= 4) {
    launch_matmul<Kind, 1>(device, jobs, experts, extent);
  } else if (rows <= 32) {
    launch_matmul<Kind, 4>(device, jobs, experts, extent);
  } else {
    launch_matmul<Kind, 16>(device, jobs, experts, extent);
  }
}

/// A product, its weights still packed.
struct PackedJob {
  MatrixView<float const> x;
  PackedWeights const& w;
  MatrixView<float> y;
  std::int64_t first_input = 0;  ///< of the weights

  template <class Element>
  [[nodiscard]] MatrixView<Element const> weights() const {
    return {reinterpret_cast<Element const*>(w.data()) + first_input, w.out(), x.cols, w.in()};
  }
};

/// Runs jobs whose weights are of one type: those of bfloat16 by tensor cores, which round the
/// input to it, too.
///
/// \param x        of which the jobs have parts
/// \param experts  of the only job, if it has them
template <class Device>
void run_packed_jobs(Device& device,
                     MatrixView<float const> x,
                     std::vector<PackedJob> const& packed,
                     ExpertRows const& experts = {}) {
  if (packed.empty()) {
    return;
  }
  if (packed.front().w.dtype() == DType::bf16) {
    std::vector<TileProduct> products;
    for (PackedJob const& job : packed) {
      products.push_back({job.x, job.weights<std::uint16_t>(), job.y});
    }
    return run_tiles(device, x, {products, experts});
  }
  std::vector<MatmulJob<float>> jobs;
  for (PackedJob const& job : packed) {
    jobs.push_back({job.x, job.weights<float>(), job.y});
  }
  run_jobs<KvFloat>(device, jobs, experts);
}

template <class Device>
void matmul(Device& device,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y) {
  if (cuda::LibraryProducts* const library = library_for(device, x, w)) {
    return library_matmul(device, *library, x, w, {}, y);
  }
  run_packed_jobs(device, x, {{x, w, y}});
}

/// A job each; by a library, one after another.
template <class Device>
void joint_matmul(Device& device,
                  MatrixView<float const> x,
                  std::span<JointProduct const> products) {
  std::vector<PackedJob> jobs;
  for (JointProduct const& product : products) {
    if (library_for(device, x, *product.w) != nullptr) {
      matmul(device, x, *product.w, product.y);
    } else {
      jobs.push_back({x, *product.w, product.y});
    }
  }
  run_packed_jobs(device, x, jobs);
}

/// One job, whose tiles are found on the device. Weights that aren't aligned, if there are any,
/// speak for all.
template <class Device>
void grouped_matmul(Device& device,
                    MatrixView<float const> x,
                    RowsByExpert const& cut,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y) {
  auto const any = std::ranges::find_if(
      experts, [](PackedWeights const& w) { return !is_vector_aligned(w.data()); });
  PackedWeights const& w = any != experts.end() ? *any : experts.front();
  run_packed_jobs(device, x, {{x, w, y}}, expert_rows(device, cut, experts));
}

template <class Device>
void matmul_heads(Device& device,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y) {
  std::vector<PackedJob> jobs;
  for_each_head(x, heads, strides, y, [&](auto const& w, std::int64_t, auto own_x, auto own_y) {
    jobs.push_back({own_x, w, own_y});
  });
  run_packed_jobs(device, x, jobs);
}

/// Weights of bfloat16: one product, whose kernel folds the leaves as it goes. Of float32, each
/// leaf is a job of its own, and then the leaves of each node are folded.
template <class Device>
void matmul_leaves(Device& device,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials) {
  if (x.rows == 0 || w.out() == 0) {
    return;
  }
  if (cuda::LibraryProducts* const library = library_for(device, x, w)) {
    return library_leaves(device, *library, x, w, partials);
  }
  if (w.dtype() == DType::bf16) {
    PackedJob const job{x, w, partials.front()};
    TileProduct const product{x, job.weights<std::uint16_t>(), job.y};
    return run_tiles(device, x, {{&product, 1}}, {parts_of_leaves(sums), partials});
  }
  LeafPartition const& partition = sums.partition;
  std::int64_t const leaves = std::ssize(partition.boundaries) - 1;
  auto const scratch = device.template scratch<float>(leaves * x.rows * w.out());
  std::vector<PackedJob> jobs;
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    auto const i = static_cast<std::size_t>(leaf);
    std::int64_t const first = partition.boundaries[i];
    float* const to = scratch.data + leaf * x.rows * w.out();
    jobs.push_back({columns_of(x, first, partition.boundaries[i + 1] - first),
                    w,
                    {to, x.rows, w.out(), w.out()},
                    first});
  }
  run_packed_jobs(device, x, jobs);
  fold_leaves(device, sums, {scratch.data, scratch.size}, {x.rows, w.out()}, partials);
}

}  // namespace talus::kernels::block
