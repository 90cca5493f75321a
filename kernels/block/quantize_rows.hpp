// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/expert_quads.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// Rows of x as integers of eight bits, in chunks of 32 inputs; a last chunk that isn't whole is
/// filled up with zeros.
struct QuantizedRows {
  static constexpr int chunk_words = static_cast<int>(quant_chunk) / 4;

  GlobalSpan<std::uint32_t> words;  ///< [rows, chunks, 8] four integers each
  GlobalSpan<float> scales;         ///< [rows, chunks]
  GlobalSpan<std::int32_t> sums;    ///< [rows, chunks] of the integers
  std::int32_t chunks = 0;
};

/// Rows of x, and where among the quantised ones they begin.
struct QuantizeJob {
  MatrixView<float const> x;
  std::int64_t first_row = 0;
};

/// Quantises rows: the greatest sum of magnitudes of two neighbours of a chunk (inputs 2 j and
/// 2 j + 1) becomes 127, all inputs are rounded to nearest, ties to even, as on CPUs
/// (kernels/lanes/quantized_rows.hpp). A chunk below 2^-96 counts as zero; one with an element that
/// isn't finite has a scale that isn't.
///
/// Grid: rows (of experts: some at a time), eights of chunks, jobs. Block: eight warps, a chunk
/// each, a lane an input. No shared memory. Sums: of integers.
struct QuantizeRows {
  static constexpr char const* name = "talus::kernels::quantize_rows";
  static constexpr int num_warps = 8;

  GlobalSpan<QuantizeJob const> jobs;
  QuantizedRows to;
  ExpertRows experts;  ///< whose rows they are, of a single job; or nobody's

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    QuantizeJob const job = block.load(jobs, block.block_index().z);
    std::int64_t const chunk = block.block_index().y * num_warps + block.thread_index() / warp_size;
    if (chunk >= to.chunks) {
      return;
    }
    std::int64_t const end = experts.end_of(block, job.x.rows);
    for (std::int64_t t = block.block_index().x; t < end; t += block.grid_size().x) {
      quantize(block, job, t, chunk);
    }
  }

 private:
  template <class Block>
  TALUS_DEVICE void quantize(Block& block,
                             QuantizeJob const& job,
                             std::int64_t t,
                             std::int64_t chunk) const {
    int const lane = block.thread_index() % warp_size;
    std::int64_t const i = chunk * quant_chunk + lane;
    float const value = i < job.x.cols ? block.load(job.x, t, i) : 0.0F;
    float const most = greatest_pair(block, value);
    bool const is_zero = most < least_magnitude;
    float const factor = is_zero ? 0.0F : greatest_sum / most;
    std::uint32_t const integer = std::bit_cast<std::uint32_t>(value * factor + rounder) -
                                  std::bit_cast<std::uint32_t>(rounder);
    auto sum = static_cast<std::uint32_t>(signed_byte(integer, 0));
    std::uint32_t word = (integer & 0xFFU) << static_cast<unsigned>(8 * (lane % 4));
    word |= block.shuffle_xor(word, 1);
    word |= block.shuffle_xor(word, 2);
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      sum += block.shuffle_xor(sum, distance);
    }
    std::int64_t const place = (job.first_row + t) * to.chunks + chunk;
    if (lane % 4 == 0) {
      block.store(to.words, place * QuantizedRows::chunk_words + lane / 4, word);
    }
    if (lane == 0) {
      block.store(to.scales, place, is_zero ? 0.0F : most / greatest_sum);
      block.store(to.sums, place, static_cast<std::int32_t>(sum));
    }
  }

  static constexpr float greatest_sum = 127.0F;
  static constexpr float least_magnitude = 0x1p-96F;
  static constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer

  [[nodiscard]] static constexpr std::int32_t magnitude_of(float value) {
    return std::bit_cast<std::int32_t>(value) & 0x7FFFFFFF;
  }

  /// The greatest sum of magnitudes of neighbours. Their bits order as they do, those of what isn't
  /// finite behind all others.
  template <class Block>
  [[nodiscard]] static TALUS_DEVICE float greatest_pair(Block& block, float value) {
    auto const magnitude = std::bit_cast<float>(magnitude_of(value));
    std::int32_t most = magnitude_of(magnitude + block.shuffle_xor(magnitude, 1));
    for (int distance = warp_size / 2; distance > 1; distance /= 2) {
      std::int32_t const other = block.shuffle_xor(most, distance);
      most = other > most ? other : most;
    }
    return std::bit_cast<float>(most);
  }
};

/// Quantises the rows of all jobs, which have as many inputs.
///
/// \param rows     of all jobs together
/// \param experts  of the only job, if it has them
template <class Device>
[[nodiscard]] QuantizedRows quantize_rows(Device& device,
                                          std::vector<QuantizeJob> const& jobs,
                                          std::int64_t rows,
                                          ExpertRows const& experts) {
  std::int64_t const chunks = ceil_div(jobs.front().x.cols, quant_chunk);
  std::int64_t most_rows = 0;
  for (QuantizeJob const& job : jobs) {
    most_rows = job.x.rows > most_rows ? job.x.rows : most_rows;
  }
  QuantizedRows const to{
      device.template scratch<std::uint32_t>(rows * chunks * QuantizedRows::chunk_words),
      device.template scratch<float>(rows * chunks),
      device.template scratch<std::int32_t>(rows * chunks),
      static_cast<std::int32_t>(chunks)};
  if (most_rows > 0 && chunks > 0) {
    device.launch({{rows_at_a_time(experts, most_rows),
                    ceil_div(chunks, QuantizeRows::num_warps),
                    std::ssize(jobs)},
                   QuantizeRows::num_warps * warp_size},
                  QuantizeRows{device.upload(std::span{std::as_const(jobs)}), to, experts});
  }
  return to;
}

}  // namespace talus::kernels::block
