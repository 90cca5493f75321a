// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/attention_inputs.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/kv_store.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/rms_norm.hpp"
#include "kernels/block/rope.hpp"

namespace talus::kernels::block {

/// How heads are rotated, pair by pair.
struct PairRotation {
  GlobalSpan<std::int32_t const> positions;
  Angles queries;
  Angles keys;
  std::int64_t pairs = 0;  ///< of a head
  RopePairs kind = RopePairs::halves;

  /// Reads pair i of row t by load(column), and stores it, rotated, by store(column, value).
  template <class Block, class Load, class Store>
  TALUS_DEVICE void rotate(Block& block,
                           Angles const& angles,
                           std::int64_t t,
                           std::int64_t i,
                           Load const& load,
                           Store const& store) const {
    std::int64_t const angle = block.load(positions, t) * pairs + i;
    angles.rotate(block, angle, RotatedPair::of(kind, pairs, i), load, store);
  }

  /// Rotates the first columns of what a warp has in shared memory.
  template <class Block>
  TALUS_DEVICE void rotate_shared(Block& block,
                                  Angles const& angles,
                                  std::int64_t t,
                                  SharedSpan<float> columns) const {
    for (std::int64_t i = block.thread_index() % warp_size; i < pairs; i += warp_size) {
      rotate(
          block,
          angles,
          t,
          i,
          [&](std::int64_t j) { return block.load(columns, j); },
          [&](std::int64_t j, float value) { block.store(columns, j, value); });
    }
  }
};

/// Floats of shared memory for `columns` columns, by whole quads.
[[nodiscard]] constexpr std::int64_t quad_floats(std::int64_t columns) {
  return num_quads(columns) * quad;
}

/// A warp's way from a row's columns to shared memory.
struct HeadLoad {
  QuadMatrix<float const> from;  ///< the columns alone
  QuadMatrix<float const> bias;  ///< theirs, one row; or no columns: none
  QuadMatrix<float const> norm;  ///< likewise
  float epsilon = 0.0F;

  /// To whole quads of `to`: with the bias added, and normalised in the order of RmsNorm.
  template <class Block>
  TALUS_DEVICE void load(Block& block, std::int64_t t, SharedSpan<float> to) const {
    std::int64_t const size = from.view.cols;
    std::int64_t const own = block.thread_index() % warp_size * quad;
    float sum = 0.0F;
    for (std::int64_t j = own; j < size; j += warp_size * quad) {
      Quad values = load_quad(block, from, t, j);
      if (bias.view.cols > 0) {
        values = plus(values, load_quad(block, bias, 0, j));
      }
      sum = add_squares(values, sum);
      block.store(to, j, values);
    }
    if (norm.view.cols > 0) {
      sum = warp_reduce<Sum>(block, sum);
      normalize(block, norm_scale(sum, size, epsilon), to);
    }
  }

 private:
  /// Each lane what it has stored itself.
  template <class Block>
  TALUS_DEVICE void normalize(Block& block, float scale, SharedSpan<float> to) const {
    std::int64_t const own = block.thread_index() % warp_size * quad;
    for (std::int64_t j = own; j < from.view.cols; j += warp_size * quad) {
      Quad const values = block.load(to, j, width<quad>);
      block.store(to, j, normalized(values, scale, load_quad(block, norm, 0, j)));
    }
  }
};

/// A warp takes a query, a key or a value of a row.
///
/// Grid: rows, blocks of warps. Block: eight warps. Shared memory: a head for each.
struct PrepareHeads {
  static constexpr char const* name = "talus::kernels::prepare_heads";
  static constexpr int num_warps = 8;

  QuadMatrix<float> qkv;         ///< aligned if every head is
  QuadMatrix<float const> bias;  ///< likewise; no columns: none
  QuadMatrix<float const> q_norm;
  QuadMatrix<float const> k_norm;
  float epsilon = 0.0F;
  PairRotation rotation;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  KvStore cache;

  [[nodiscard]] constexpr std::int64_t heads_of_a_row() const {
    return num_heads + 2 * num_kv_heads;
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    int const warp = block.thread_index() / warp_size;
    auto const floats = static_cast<std::int32_t>(quad_floats(head_dim));
    auto const columns = part_of(
        shared_array<float>(block, std::int64_t{num_warps} * floats), warp * floats, floats);
    std::int64_t const t = block.block_index().x;
    std::int64_t const number = block.block_index().y * num_warps + warp;
    if (number >= heads_of_a_row()) {
      return;
    }
    bool const is_query = number < num_heads;
    bool const is_value = number >= num_heads + num_kv_heads;
    load_of(number).load(block, t, columns);
    block.sync_warp();
    if (!is_value) {
      rotation.rotate_shared(block, is_query ? rotation.queries : rotation.keys, t, columns);
      block.sync_warp();
    }
    is_query ? store_query(block, t, number, columns)
             : store_in_cache(block, t, (number - num_heads) % num_kv_heads, is_value, columns);
  }

 private:
  [[nodiscard]] TALUS_DEVICE HeadLoad load_of(std::int64_t number) const {
    MatrixView<float> const own = head(qkv.view, number);
    HeadLoad load{{as_const(own), qkv.is_aligned}, {}, {}, epsilon};
    if (bias.view.cols > 0) {
      load.bias = {head(bias.view, number), bias.is_aligned};
    }
    if (number < num_heads + num_kv_heads) {
      load.norm = number < num_heads ? q_norm : k_norm;
    }
    return load;
  }

  template <class T>
  [[nodiscard]] TALUS_DEVICE MatrixView<T> head(MatrixView<T> rows, std::int64_t number) const {
    return columns_of(rows, number * head_dim, head_dim);
  }

  template <class Block>
  TALUS_DEVICE void store_query(Block& block,
                                std::int64_t t,
                                std::int64_t number,
                                SharedSpan<float> columns) const {
    QuadMatrix<float> const to{head(qkv.view, number), qkv.is_aligned};
    std::int64_t const own = block.thread_index() % warp_size * quad;
    for (std::int64_t j = own; j < head_dim; j += warp_size * quad) {
      store_quad(block, to, t, j, block.load(columns, j, width<quad>));
    }
  }

  template <class Block>
  TALUS_DEVICE void store_in_cache(Block& block,
                                   std::int64_t t,
                                   std::int64_t kv_head,
                                   bool is_value,
                                   SharedSpan<float> columns) const {
    KvPlace const place = cache.place_of(block, t, kv_head);
    cache.store(block, is_value ? cache.value(place) : cache.key(place), [&](std::int64_t d) {
      return block.load(columns, d);
    });
  }
};

/// A warp takes the latent of a row, with what is behind it, or the rotated columns of a query.
///
/// Grid: rows, blocks of warps. Block: eight warps. Shared memory: a latent, and what is behind it.
struct PrepareLatent {
  static constexpr char const* name = "talus::kernels::prepare_latent";
  static constexpr int num_warps = 8;

  QuadMatrix<float const> latent;
  QuadMatrix<float const> norm;
  float epsilon = 0.0F;
  PairRotation rotation;
  MatrixView<float const> q;
  MatrixView<float> absorbed;
  std::int64_t head_dim = 0;  ///< of a query
  KvStore cache;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    KvShape const& shape = cache.layout.shape;
    auto const value = shared_array<float>(block, quad_floats(shape.value_dim));
    auto const behind = shared_array<float>(block, shape.key_dim - shape.value_dim);
    std::int64_t const t = block.block_index().x;
    std::int64_t const number =
        block.block_index().y * num_warps + block.thread_index() / warp_size;
    if (number == 0) {
      prepare_key(block, t, value, behind);
    } else if (number <= q.cols / head_dim) {
      rotate_query(block, t, number - 1);
    }
  }

  [[nodiscard]] static std::int64_t shared_bytes(KvShape const& shape) {
    return shared_bytes_of<float>(quad_floats(shape.value_dim)) +
           shared_bytes_of<float>(shape.key_dim - shape.value_dim);
  }

 private:
  template <class Block>
  TALUS_DEVICE void prepare_key(Block& block,
                                std::int64_t t,
                                SharedSpan<float> value,
                                SharedSpan<float> behind) const {
    std::int64_t const rank = cache.layout.shape.value_dim;
    HeadLoad const load{{columns_of(latent.view, 0, rank), latent.is_aligned}, {}, norm, epsilon};
    load.load(block, t, value);
    for (std::int64_t j = block.thread_index() % warp_size; j < behind.size; j += warp_size) {
      block.store(behind, j, block.load(latent.view, t, rank + j));
    }
    block.sync_warp();
    rotation.rotate_shared(block, rotation.keys, t, behind);
    block.sync_warp();
    KvPlace const place = cache.place_of(block, t, 0);
    cache.store(block, cache.value(place), [&](std::int64_t d) { return block.load(value, d); });
    cache.store(block, cache.key(place), [&](std::int64_t d) { return block.load(behind, d); });
  }

  template <class Block>
  TALUS_DEVICE void rotate_query(Block& block, std::int64_t t, std::int64_t number) const {
    KvShape const& shape = cache.layout.shape;
    std::int64_t const from = (number + 1) * head_dim - 2 * rotation.pairs;
    std::int64_t const to = number * shape.key_dim + shape.value_dim;
    for (std::int64_t i = block.thread_index() % warp_size; i < rotation.pairs; i += warp_size) {
      rotation.rotate(
          block,
          rotation.queries,
          t,
          i,
          [&](std::int64_t j) { return block.load(q, t, from + j); },
          [&](std::int64_t j, float value) { block.store(absorbed, t, to + j, value); });
    }
  }
};

template <class Device>
[[nodiscard]] PairRotation rotation_of(Device& device, HeadRotation const& rotation) {
  if (rotation.rotary_dim == 0) {
    return {};
  }
  return {device.upload(rotation.positions),
          angles_of(device, rotation.queries),
          angles_of(device, rotation.keys),
          rotation.rotary_dim / 2,
          rotation.pairs};
}

template <class Device>
void prepare_heads(Device& device,
                   HeadInputs const& inputs,
                   PagedBatch const& batch,
                   MatrixView<float> qkv,
                   KvCache& cache) {
  if (qkv.rows == 0) {
    return;
  }
  bool const has_whole_quads = inputs.head_dim % quad == 0;
  QuadMatrix<float const> bias = row_of(device, inputs.bias);
  bias.is_aligned = bias.is_aligned && has_whole_quads;
  PrepareHeads const kernel{{qkv, by_quads(qkv).is_aligned && has_whole_quads},
                            bias,
                            row_of(device, inputs.q_norm),
                            row_of(device, inputs.k_norm),
                            inputs.epsilon,
                            rotation_of(device, inputs.rotation),
                            inputs.num_heads,
                            inputs.num_kv_heads,
                            inputs.head_dim,
                            store_of(device, batch, cache)};
  constexpr int warps = PrepareHeads::num_warps;
  device.launch({{qkv.rows, ceil_div(kernel.heads_of_a_row(), warps)},
                 warps * warp_size,
                 shared_bytes_of<float>(warps * quad_floats(inputs.head_dim))},
                kernel);
}

template <class Device>
void prepare_latent(Device& device,
                    LatentInputs const& inputs,
                    PagedBatch const& batch,
                    LatentRows const& rows,
                    KvCache& cache) {
  if (rows.latent.rows == 0) {
    return;
  }
  constexpr int warps = PrepareLatent::num_warps;
  device.launch({{rows.latent.rows, ceil_div(1 + inputs.num_heads, warps)},
                 warps * warp_size,
                 PrepareLatent::shared_bytes(cache.shape())},
                PrepareLatent{by_quads(as_const(rows.latent)),
                              row_of(device, inputs.norm),
                              inputs.epsilon,
                              rotation_of(device, inputs.rotation),
                              as_const(rows.q),
                              rows.absorbed,
                              inputs.head_dim,
                              store_of(device, batch, cache)});
}

}  // namespace talus::kernels::block
