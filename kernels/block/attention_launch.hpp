// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/block/attention.hpp"
#include "kernels/block/attention_plan.hpp"
#include "kernels/block/kv_layout.hpp"

namespace talus::kernels::block {

/// The tiles of split sequences, or of the others.
template <class Device>
[[nodiscard]] AttentionTiles tiles_of(Device& device,
                                      PagedBatch const& batch,
                                      AttentionHeads const& heads,
                                      AttentionPlan const& plan,
                                      bool is_split,
                                      std::int64_t size) {
  AttentionTiles tiles{rows_of(device, batch), groups_of(heads), heads.window, size};
  tiles.of_sequence = plan.tiles_of_sequence(is_split, tiles.groups.most_heads(), size);
  tiles.least_rows = is_split ? 1 : plan.split_rows + 1;
  tiles.most_rows = is_split ? plan.split_rows : std::numeric_limits<std::int64_t>::max();
  return tiles;
}

/// Memory for the results of split sequences' pieces.
template <class Device>
[[nodiscard]] AttentionPartials partials_of(Device& device,
                                            AttentionPlan const& plan,
                                            AttentionHeads const& heads,
                                            std::int64_t value_dim) {
  std::int64_t const size = plan.sequences * plan.split_rows * heads.num_heads * plan.pieces;
  return {device.template scratch<float>(size),
          device.template scratch<float>(size),
          device.template scratch<float>(size * value_dim),
          plan.split_rows,
          heads.num_heads,
          plan.pieces};
}

/// The launches of one kind of cache.
template <class Device, class Kernel>
void run_attention(Device& device,
                   PagedBatch const& batch,
                   AttentionHeads const& heads,
                   AttentionPlan const& plan,
                   std::int64_t value_dim,
                   Kernel kernel) {
  constexpr std::int64_t size = Kernel::tile_size;
  HeadGroups const groups = groups_of(heads);
  auto const launch = [&](bool is_split, std::int64_t pieces) {
    kernel.tiles = tiles_of(device, batch, heads, plan, is_split, size);
    kernel.is_split = is_split ? 1 : 0;
    std::int64_t const tiles = plan.num_tiles(is_split, groups.most_heads(), size);
    device.launch({{tiles, pieces, groups.size()}, Kernel::threads, kernel.shared_bytes()}, kernel);
    return tiles;
  };
  if (plan.has_whole) {
    launch(false, 1);
  }
  if (plan.has_split) {
    kernel.partials = partials_of(device, plan, heads, value_dim);
    std::int64_t const tiles = launch(true, plan.pieces);
    JoinPieces const join{kernel.tiles, kernel.partials, kernel.sinks, value_dim, kernel.out};
    std::int64_t const parts = ceil_div(value_dim, JoinPieces::threads);
    device.launch({{tiles, groups.size() * size, parts}, JoinPieces::threads}, join);
  }
}

template <class Device>
void paged_attention(Device& device,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out,
                     std::int64_t most_split_rows = split_rows) {
  if (q.rows == 0) {
    return;
  }
  std::int64_t const value_dim = cache.shape().value_dim;
  AttentionPlan const plan =
      plan_attention(batch, heads, value_dim, cache.block_tokens(), most_split_rows);
  with_kv_elements(cache.shape().dtype, [&]<class Kind>(Kind) {
    Attention<Kind> kernel;
    kernel.stage = {layout_of(cache), {cache.data(), bytes_of(cache)}};
    kernel.scores = {heads.scale, heads.soft_cap, heads.window};
    kernel.sinks = device.upload(heads.sinks);
    kernel.q = q;
    kernel.out = out;
    run_attention(device, batch, heads, plan, value_dim, kernel);
  });
}

}  // namespace talus::kernels::block
