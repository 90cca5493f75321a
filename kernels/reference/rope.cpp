// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {

void rope(ExecContext const&,
          MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout) {
  std::int64_t const pairs = layout.rotary_dim / 2;
  bool const halves = layout.pairs == RopePairs::halves;
  for (std::int64_t t = 0; t < x.rows; ++t) {
    std::int64_t const angles = positions[static_cast<std::size_t>(t)] * pairs;
    for (std::int64_t h = 0; h < layout.num_heads; ++h) {
      float* const head = x.data + t * x.row_stride + h * layout.head_stride + layout.offset;
      for (std::int64_t i = 0; i < pairs; ++i) {
        float& first = head[halves ? i : 2 * i];
        float& second = head[halves ? i + pairs : 2 * i + 1];
        float const cosine = table.cosines[static_cast<std::size_t>(angles + i)];
        float const sine = table.sines[static_cast<std::size_t>(angles + i)];
        float const a = first;
        float const b = second;
        first = a * cosine - b * sine;
        second = b * cosine + a * sine;
      }
    }
  }
}

}  // namespace talus::kernels::reference
