// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// The rotation of one position.
struct Angles {
  float const* cosines = nullptr;
  float const* sines = nullptr;
};

void rotate(float& first, float& second, float cosine, float sine) {
  float const a = first;
  float const b = second;
  first = a * cosine - b * sine;
  second = b * cosine + a * sine;
}

void rotate_head(float* head, std::int64_t pairs, Angles angles, RopePairs kind) {
  if (kind == RopePairs::halves) {
    for (std::int64_t i = 0; i < pairs; ++i) {
      rotate(head[i], head[i + pairs], angles.cosines[i], angles.sines[i]);
    }
  } else {
    for (std::int64_t i = 0; i < pairs; ++i) {
      rotate(head[2 * i], head[2 * i + 1], angles.cosines[i], angles.sines[i]);
    }
  }
}

}  // namespace

void rope(ExecContext const& exec,
          MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout) {
  std::int64_t const pairs = layout.rotary_dim / 2;
  std::int64_t const cost = x.rows * layout.num_heads * pairs / 2;
  for_each(exec, "talus::kernels::rope", x.rows, cost, [&](std::int64_t t) {
    std::int64_t const first = positions[static_cast<std::size_t>(t)] * pairs;
    Angles const angles{table.cosines.data() + first, table.sines.data() + first};
    float* const row = x.data + t * x.row_stride + layout.offset;
    for (std::int64_t h = 0; h < layout.num_heads; ++h) {
      rotate_head(row + h * layout.head_stride, pairs, angles, layout.pairs);
    }
  });
}

}  // namespace talus::kernels::TALUS_TARGET
