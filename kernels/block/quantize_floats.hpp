// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/detail/float8.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// The greater of two magnitudes, by their bits: those of what isn't finite are behind all others.
struct GreaterMagnitude {
  static constexpr float neutral = 0.0F;

  [[nodiscard]] constexpr float operator()(float a, float b) const {
    return std::bit_cast<std::int32_t>(a) > std::bit_cast<std::int32_t>(b) ? a : b;
  }
};

/// Rows of x as codes of fp8 (e4m3), a scale for each row and group of inputs; rows beyond those of
/// x are zero.
struct FloatRows {
  GlobalSpan<std::uint32_t> words;  ///< [rows, in / 4] four codes each
  GlobalSpan<float> scales;         ///< [groups, rows]
  std::int64_t rows = 0;
  std::int64_t group = 0;  ///< inputs
};

/// Quantises rows: the greatest magnitude of a group becomes 448, all inputs are rounded to
/// nearest, ties to even. A group below 2^-96 counts as zero; the scale of one with an element that
/// isn't finite is NaN.
///
/// Grid: rows, groups. Block: its threads share out the quads of a group. Shared memory: of the
/// maximum.
struct QuantizeFloats {
  static constexpr char const* name = "talus::kernels::quantize_floats";

  QuadMatrix<float const> x;  ///< of a multiple of 4 columns
  FloatRows to;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const t = block.block_index().x;
    std::int64_t const first = block.block_index().y * to.group;
    std::int64_t const end = first + to.group < x.view.cols ? first + to.group : x.view.cols;
    std::int64_t const step = std::int64_t{block.num_threads()} * quad;
    float most = 0.0F;
    for (std::int64_t j = first + block.thread_index() * quad; j < end; j += step) {
      Quad const values = read(block, t, j);
      for (int k = 0; k < quad; ++k) {
        most = GreaterMagnitude{}(most, magnitude_of(values[k]));
      }
    }
    auto const partial = shared_array<float>(block, reduce_floats(block.num_threads()));
    most = block_reduce<GreaterMagnitude>(block, most, partial);
    bool const is_finite = std::bit_cast<std::uint32_t>(most) < infinity;
    bool const is_zero = !is_finite || most < least_magnitude;
    float const factor = is_zero ? 0.0F : greatest / most;
    for (std::int64_t j = first + block.thread_index() * quad; j < end; j += step) {
      std::uint32_t const word = is_zero ? 0U : codes_of(read(block, t, j), factor);
      block.store(to.words, (t * x.view.cols + j) / quad, word);
    }
    if (block.thread_index() == 0) {
      float const scale = is_zero ? 0.0F : most / greatest;
      block.store(to.scales,
                  block.block_index().y * to.rows + t,
                  is_finite ? scale : std::numeric_limits<float>::quiet_NaN());
    }
  }

 private:
  static constexpr float greatest = 448.0F;
  static constexpr float least_magnitude = 0x1p-96F;
  static constexpr std::uint32_t infinity = 0x7F800000U;

  [[nodiscard]] static constexpr float magnitude_of(float value) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU);
  }

  [[nodiscard]] static constexpr std::uint32_t codes_of(Quad const& values, float factor) {
    std::uint32_t word = 0;
    for (int k = 0; k < quad; ++k) {
      word |= std::uint32_t{detail::e4m3_of(values[k] * factor)} << static_cast<unsigned>(8 * k);
    }
    return word;
  }

  template <class Block>
  [[nodiscard]] TALUS_DEVICE Quad read(Block& block, std::int64_t t, std::int64_t j) const {
    return t < x.view.rows ? load_quad(block, x, t, j) : Quad{};
  }
};

/// Quantises x, of a multiple of 4 columns, to `rows` rows of codes.
///
/// \param group  inputs that share a scale, a multiple of 4
template <class Device>
[[nodiscard]] FloatRows quantize_floats(Device& device,
                                        MatrixView<float const> x,
                                        std::int64_t rows,
                                        std::int64_t group) {
  std::int64_t const groups = ceil_div(x.cols, group);
  FloatRows const to{device.template scratch<std::uint32_t>(rows * x.cols / quad),
                     device.template scratch<float>(groups * rows),
                     rows,
                     group};
  int const threads = threads_for(num_quads(group));
  device.launch({{rows, groups}, threads, shared_bytes_of<float>(reduce_floats(threads))},
                QuantizeFloats{by_quads(x), to});
  return to;
}

}  // namespace talus::kernels::block
