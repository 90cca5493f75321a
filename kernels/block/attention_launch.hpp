// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/block/attention.hpp"
#include "kernels/block/attention_plan.hpp"
#include "kernels/block/kv_layout.hpp"
#include "kernels/block/tile_attention.hpp"

namespace talus::kernels::block {

/// What attention is asked for.
struct AttentionCall {
  PagedBatch const& batch;
  AttentionHeads const& heads;
  MatrixView<float const> q;
  KvCache const& cache;
  MatrixView<float> out;
  AttentionPlan plan;
};

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

/// Launches a kernel that knows its stage, for split sequences or for the others.
template <class Device, class Kernel>
void launch_attention(Device& device, AttentionCall const& call, bool is_split, Kernel kernel) {
  constexpr std::int64_t size = Kernel::tile_size;
  AttentionHeads const& heads = call.heads;
  std::int64_t const value_dim = call.cache.shape().value_dim;
  kernel.tiles = tiles_of(device, call.batch, heads, call.plan, is_split, size);
  kernel.scores = {heads.scale, heads.soft_cap, heads.window};
  kernel.sinks = device.upload(heads.sinks);
  kernel.q = call.q;
  kernel.out = call.out;
  HeadGroups const& groups = kernel.tiles.groups;
  std::int64_t const tiles = call.plan.num_tiles(is_split, groups.most_heads(), size);
  if (is_split) {
    kernel.is_split = 1;
    kernel.partials = partials_of(device, call.plan, heads, value_dim);
  }
  std::int64_t const pieces = is_split ? call.plan.pieces : 1;
  device.launch({{tiles, pieces, groups.size()}, Kernel::threads, kernel.shared_bytes()}, kernel);
  if (is_split) {
    JoinPieces const join{kernel.tiles, kernel.partials, kernel.sinks, value_dim, kernel.out};
    std::int64_t const parts = ceil_div(value_dim, JoinPieces::threads);
    device.launch({{tiles, groups.size() * size, parts}, JoinPieces::threads}, join);
  }
}

/// Without tensor cores.
template <class Device>
void launch_plain_attention(Device& device, AttentionCall const& call, bool is_split) {
  with_kv_elements(call.cache.shape().dtype, [&]<class Kind>(Kind) {
    Attention<Kind> kernel;
    kernel.stage = {layout_of(call.cache), {call.cache.data(), bytes_of(call.cache)}};
    launch_attention(device, call, is_split, kernel);
  });
}

/// By tensor cores, if a block of this shape has room for a step, or two.
///
/// \return  whether it has
template <AttentionShape Shape, class Kind, class Device>
[[nodiscard]] bool try_tile_attention(Device& device, AttentionCall const& call, bool is_split) {
  TileAttention<Shape, Kind> kernel;
  kernel.stage = {layout_of(call.cache), {call.cache.data(), bytes_of(call.cache)}, 2};
  if (kernel.shared_bytes() > device.most_shared_bytes()) {
    kernel.stage.stages = 1;
  }
  if (kernel.shared_bytes() > device.most_shared_bytes()) {
    return false;
  }
  launch_attention(device, call, is_split, kernel);
  return true;
}

/// The same, by the shape for some queries, or, if there is no room for it, by that for a few.
template <int ValueDim, class Kind, class Device>
[[nodiscard]] bool try_tile_shapes(Device& device, AttentionCall const& call, bool is_split) {
  constexpr AttentionShape few = attention_shape(ValueDim, true, Kind::dtype);
  constexpr AttentionShape many = attention_shape(ValueDim, false, Kind::dtype);
  bool const is_few =
      (is_split || call.plan.is_decode) && groups_of(call.heads).most_heads() <= few.queries();
  return (!is_few && try_tile_attention<many, Kind>(device, call, is_split)) ||
         try_tile_attention<few, Kind>(device, call, is_split);
}

template <class Kind, class Device>
[[nodiscard]] bool try_tiles(Device& device, AttentionCall const& call, bool is_split) {
  switch (tile_values(call.cache.shape())) {
    case 64:
      return try_tile_shapes<64, Kind>(device, call, is_split);
    case 128:
      return try_tile_shapes<128, Kind>(device, call, is_split);
    case 256:
      return try_tile_shapes<256, Kind>(device, call, is_split);
    default:
      return try_tile_shapes<512, Kind>(device, call, is_split);
  }
}

template <class Device>
[[nodiscard]] bool try_tiles(Device& device, AttentionCall const& call, bool is_split) {
  KvShape const& shape = call.cache.shape();
  if (!has_tiles(shape)) {
    return false;
  }
  switch (shape.dtype) {
    case DType::i8:
      return try_tiles<KvInt8>(device, call, is_split);
    case DType::f8_e4m3:
      return try_tiles<KvE4m3>(device, call, is_split);
    default:
      return try_tiles<KvBfloat16>(device, call, is_split);
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
  AttentionCall const call{
      batch,
      heads,
      q,
      cache,
      out,
      plan_attention(batch, heads, cache.shape().value_dim, cache.block_tokens(), most_split_rows)};
  for (bool const is_split : {false, true}) {
    bool const is_there = is_split ? call.plan.has_split : call.plan.has_whole;
    if (is_there && !try_tiles(device, call, is_split)) {
      launch_plain_attention(device, call, is_split);
    }
  }
}

}  // namespace talus::kernels::block
