// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/block/attention.hpp"
#include "kernels/block/kv_layout.hpp"

namespace talus::kernels::block {

/// The launches of one kind of cache.
template <class Device, class Kind>
void run_attention(Device& device, AttentionPlan const& plan, Attention<Kind> kernel) {
  if (!plan.whole.empty()) {
    kernel.tiles = device.upload(std::span{plan.whole});
    device.launch({{std::ssize(plan.whole)}, attention_threads, kernel.shared_bytes()}, kernel);
  }
  if (plan.split.empty()) {
    return;
  }
  std::int64_t const value_dim = kernel.stage.layout.shape.value_dim;
  std::int64_t const partials = std::int64_t{plan.num_partials} * tile_queries;
  kernel.tiles = device.upload(std::span{plan.split});
  kernel.partials = {device.template scratch<float>(partials),
                     device.template scratch<float>(partials),
                     device.template scratch<float>(partials * value_dim)};
  kernel.is_split = true;
  std::int64_t const tiles = std::ssize(plan.split);
  device.launch({{tiles, plan.most_pieces}, attention_threads, kernel.shared_bytes()}, kernel);
  device.launch({{tiles, tile_queries, ceil_div(value_dim, attention_threads)}, attention_threads},
                JoinPieces{kernel.tiles, kernel.partials, kernel.sinks, value_dim, kernel.out});
}

template <class Device>
void paged_attention(Device& device,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out,
                     std::int64_t most_split_rows = split_rows) {
  AttentionPlan const plan = plan_attention(batch, heads, most_split_rows);
  if (plan.whole.empty() && plan.split.empty()) {
    return;
  }
  with_kv_elements(cache.shape().dtype, [&]<class Kind>(Kind) {
    Attention<Kind> kernel;
    kernel.stage = {layout_of(cache),
                    {cache.data(), bytes_of(cache)},
                    device.upload(batch.block_tables),
                    batch.max_blocks};
    kernel.scores = {heads.scale, heads.soft_cap, heads.window};
    kernel.sinks = device.upload(heads.sinks);
    kernel.q = q;
    kernel.out = out;
    run_attention(device, plan, kernel);
  });
}

}  // namespace talus::kernels::block
