// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/rope.hpp"

namespace talus::kernels::block {

/// The two columns of a rotated head that pair i has, of as many as `pairs`.
struct RotatedPair {
  std::int64_t first = 0;
  std::int64_t second = 0;

  [[nodiscard]] static TALUS_DEVICE RotatedPair of(RopePairs kind,
                                                   std::int64_t pairs,
                                                   std::int64_t i) {
    bool const halves = kind == RopePairs::halves;
    return {halves ? i : 2 * i, halves ? i + pairs : 2 * i + 1};
  }
};

/// Rotations: [positions, pairs].
struct Angles {
  GlobalSpan<float const> cosines;
  GlobalSpan<float const> sines;

  /// Reads both columns of a pair by load(column), and stores them, rotated, by store(column,
  /// value).
  template <class Block, class Load, class Store>
  TALUS_DEVICE void rotate(Block& block,
                           std::int64_t angle,
                           RotatedPair const& pair,
                           Load const& load,
                           Store const& store) const {
    float const cosine = block.load(cosines, angle);
    float const sine = block.load(sines, angle);
    float const a = load(pair.first);
    float const b = load(pair.second);
    store(pair.first, a * cosine - b * sine);
    store(pair.second, b * cosine + a * sine);
  }
};

template <class Device>
[[nodiscard]] Angles angles_of(Device& device, RopeTable const& table) {
  return {device.upload(table.cosines), device.upload(table.sines)};
}

/// Grid: rows, pieces of a row's pairs. Block: a thread a pair. No shared memory.
struct Rope {
  static constexpr char const* name = "talus::kernels::rope";

  MatrixView<float> x;
  GlobalSpan<std::int32_t const> positions;
  Angles angles;
  RopeLayout layout;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const pairs = layout.rotary_dim / 2;
    std::int64_t const number = block.block_index().y * block.num_threads() + block.thread_index();
    if (number >= layout.num_heads * pairs) {
      return;
    }
    std::int64_t const t = block.block_index().x;
    std::int64_t const i = number % pairs;
    std::int64_t const head = number / pairs * layout.head_stride + layout.offset;
    angles.rotate(
        block,
        block.load(positions, t) * pairs + i,
        RotatedPair::of(layout.pairs, pairs, i),
        [&](std::int64_t j) { return block.load(x, t, head + j); },
        [&](std::int64_t j, float value) { block.store(x, t, head + j, value); });
  }
};

template <class Device>
void rope(Device& device,
          MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout) {
  std::int64_t const pairs = layout.num_heads * (layout.rotary_dim / 2);
  if (x.rows == 0 || pairs == 0) {
    return;
  }
  int const threads = threads_for(pairs);
  device.launch({{x.rows, ceil_div(pairs, threads)}, threads},
                Rope{x, device.upload(positions), angles_of(device, table), layout});
}

}  // namespace talus::kernels::block
