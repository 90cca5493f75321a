// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/logit_row.hpp"
#include "kernels/block/scan.hpp"
#include "kernels/block/share_units.hpp"

namespace talus::kernels::block {

/// The sum of exp(logit - greatest) over a piece of a row.
struct PieceSum {
  std::int64_t units = 0;
  float greatest = 0.0F;  ///< of the row
};

/// Units of exp(logit - greatest), which have no order, over the pieces of each row.
///
/// Grid: rows, pieces of 16,384 logits. Block: 256 threads share out a piece. Shared memory: one
/// float and one integer a warp.
struct SumExp {
  static constexpr char const* name = "talus::kernels::log_sum_exp";
  static constexpr int threads = 256;
  static constexpr std::int64_t piece_logits = 16384;

  SummarizedLogits rows;
  float one = 1.0F;
  GlobalSpan<PieceSum> sums;  ///< [rows, pieces]

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<float>(reduce_floats(threads)) +
           shared_bytes_of<std::int64_t>(scan_size(threads));
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const floats = shared_array<float>(block, reduce_floats(threads));
    auto const partial = shared_array<std::int64_t>(block, scan_size(threads));
    LogitRow const row{rows, block.block_index().x};
    std::int64_t const piece = block.block_index().y;
    float const greatest = row.greatest(block, floats);
    ShareUnits const share{greatest, 1.0F, one};
    std::int64_t const first = piece * piece_logits;
    std::int64_t units = 0;
    for (std::int64_t i = block.thread_index(); i < piece_logits && first + i < row.vocab();
         i += threads) {
      units += share.units(share.share(block.load(rows.logits, row.number, first + i)));
    }
    units = block_scan(block, units, partial).total;
    if (block.thread_index() == 0) {
      block.store(sums, row.number * block.grid_size().y + piece, PieceSum{units, greatest});
    }
  }
};

/// The logarithms are the host's: GPUs have none in double precision with the same bits.
template <class Device>
void log_sum_exp(Device& device, SummarizedLogits const& rows, std::span<float> log_sums) {
  if (log_sums.empty()) {
    return;
  }
  std::int64_t const pieces = ceil_div(rows.logits.cols, SumExp::piece_logits);
  float const one = units_of_one(rows.logits.cols);
  auto const sums = device.template scratch<PieceSum>(rows.logits.rows * pieces);
  device.launch({{rows.logits.rows, pieces}, SumExp::threads, SumExp::shared_bytes()},
                SumExp{rows, one, sums});
  std::vector<PieceSum> all(static_cast<std::size_t>(sums.size));
  device.download(sums, std::span{all});
  auto next = all.begin();
  for (float& log_sum : log_sums) {
    float const greatest = next->greatest;
    std::int64_t units = 0;
    for (std::int64_t piece = 0; piece < pieces; ++piece, ++next) {
      units += next->units;
    }
    log_sum = greatest + static_cast<float>(std::log(static_cast<double>(units) / double{one}));
  }
}

}  // namespace talus::kernels::block
