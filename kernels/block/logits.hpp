// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::block {

/// The greatest of each block of logits, and the sum of exp((logit - greatest) / temperature).
///
/// Grid: rows, eights of blocks of logits. Block: eight warps; a warp has one block, a lane two of
/// its logits. No shared memory.
///
/// Order: a lane's logits in order, then the tree of a warp.
struct SummarizeLogits {
  static constexpr char const* name = "talus::kernels::summarize_logits";
  static constexpr int num_warps = 8;

  MatrixView<float const> logits;
  GlobalSpan<float const> temperatures;
  MatrixView<float> maxima;
  MatrixView<float> sums;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const row = block.block_index().x;
    std::int64_t const number =
        block.block_index().y * num_warps + block.thread_index() / warp_size;
    if (number >= maxima.cols) {
      return;
    }
    int const lane = block.thread_index() % warp_size;
    float own[std::size_t{per_lane}];
    float greatest = never;
    for (int i = 0; i < per_lane; ++i) {
      std::int64_t const v = number * logit_block + i * warp_size + lane;
      own[i] = v < logits.cols ? block.load(logits, row, v) : never;
      greatest = maximum(own[i], greatest);  // what is not a number is left out
    }
    greatest = warp_reduce<Maximum>(block, greatest);
    float const temperature = block.load(temperatures, row);
    float sum = 0.0F;
    for (int i = 0; i < per_lane; ++i) {
      float const share = exp((own[i] - greatest) / temperature);
      sum += temperature > 0.0F && share == share ? share : 0.0F;
    }
    sum = warp_reduce<Sum>(block, sum);
    if (lane == 0) {
      block.store(maxima, row, number, greatest);
      block.store(sums, row, number, sum);
    }
  }

 private:
  static constexpr int per_lane = static_cast<int>(logit_block) / warp_size;
  static constexpr float never = -std::numeric_limits<float>::infinity();
};

template <class Device>
void summarize_logits(Device& device,
                      MatrixView<float const> logits,
                      std::span<float const> temperatures,
                      LogitSummary const& summary) {
  if (logits.rows == 0) {
    return;
  }
  device.launch({{logits.rows, ceil_div(summary.maxima.cols, SummarizeLogits::num_warps)},
                 SummarizeLogits::num_warps * warp_size},
                SummarizeLogits{logits, device.upload(temperatures), summary.maxima, summary.sums});
}

}  // namespace talus::kernels::block
