// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::block {

/// A leaf of a node, and the sums on the stack that are added to it.
struct LeafStep {
  std::int32_t leaf = 0;
  std::int32_t folds = 0;
};

/// The leaves of one node, in order, and what their sum is written to.
struct NodeSteps {
  std::int32_t first = 0;  ///< of the steps
  std::int32_t last = 0;
  MatrixView<float> to;
};

/// Sums over the leaves of each node, by the tree that runtime/base/sum_tree.hpp defines: a leaf's
/// sums join those on a stack as a binary counter carries.
///
/// Grid: rows, pieces of a row, nodes. Block: a thread an output. No shared memory.
struct FoldLeaves {
  static constexpr char const* name = "talus::kernels::fold_leaves";
  static constexpr int max_depth = 10;  ///< bits of max_leaves, and one

  GlobalSpan<float const> sums;  ///< [leaves, rows, cols]
  GlobalSpan<LeafStep const> steps;
  GlobalSpan<NodeSteps const> nodes;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const o = block.block_index().y * block.num_threads() + block.thread_index();
    if (o >= cols) {
      return;
    }
    std::int64_t const t = block.block_index().x;
    NodeSteps const node = block.load(nodes, block.block_index().z);
    float stack[std::size_t{max_depth}];
    int depth = 0;
    for (std::int32_t i = node.first; i < node.last; ++i) {
      LeafStep const step = block.load(steps, i);
      float sum = block.load(sums, (step.leaf * rows + t) * cols + o);
      for (std::int32_t fold = 0; fold < step.folds; ++fold) {
        sum = stack[--depth] + sum;
      }
      stack[depth++] = sum;
    }
    block.store(node.to, t, o, stack[0]);
  }
};

/// Rows and columns of each leaf's sums.
struct LeafExtent {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

template <class Device>
void fold_leaves(Device& device,
                 LeafSums const& sums,
                 GlobalSpan<float const> leaves,
                 LeafExtent extent,
                 std::span<MatrixView<float> const> partials) {
  LeafPartition const& partition = sums.partition;
  std::vector<LeafStep> steps;
  std::vector<NodeSteps> nodes;
  for (std::size_t n = 0; n < sums.nodes.size(); ++n) {
    LeafRange const node = sums.nodes[n];
    nodes.push_back({static_cast<std::int32_t>(steps.size()), 0, partials[n]});
    for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
      steps.push_back(
          {leaf - partition.run.first, partition.tree->folds_after({leaf, leaf + 1}, node.first)});
    }
    nodes.back().last = static_cast<std::int32_t>(steps.size());
  }
  int const threads = threads_for(extent.cols);
  device.launch({{extent.rows, ceil_div(extent.cols, threads), std::ssize(nodes)}, threads},
                FoldLeaves{leaves,
                           device.upload(std::span{std::as_const(steps)}),
                           device.upload(std::span{std::as_const(nodes)}),
                           extent.rows,
                           extent.cols});
}

}  // namespace talus::kernels::block
