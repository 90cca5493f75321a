// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/elementwise.hpp"
#include "kernels/block/expert_quads.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// What is done with choices of experts that are in the device's memory, beside products.

namespace talus::kernels::block {

/// counts[e] += choices of expert e. Sums of integers, which have no order.
///
/// Grid: blocks of choices. Block: a thread a choice. No shared memory.
struct CountChoices {
  static constexpr char const* name = "talus::kernels::count_choices";

  GlobalSpan<std::int32_t const> ids;
  GlobalSpan<std::int64_t> counts;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const i = block.block_index().x * block.num_threads() + block.thread_index();
    if (i < ids.size) {
      block.atomic_add(counts, block.load(ids, i), 1);
    }
  }
};

/// The biases of experts, whose rows lie one after another.
struct ExpertBiasRows {
  GlobalSpan<float const* const> biases;   ///< [experts] of a row
  GlobalSpan<std::int32_t const> offsets;  ///< [experts + 1]
  std::int64_t cols = 0;
  bool are_aligned = false;  ///< each begins at a multiple of 16 bytes

  /// The bias of the expert whose row t is.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE QuadMatrix<float const> row(Block& block, std::int64_t t) const {
    return {{block.load(biases, expert_of(block, t)), 1, cols, cols}, are_aligned};
  }

 private:
  /// The last one whose rows don't begin behind row t.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t expert_of(Block& block, std::int64_t t) const {
    std::int64_t expert = 0;
    std::int64_t beyond = biases.size;
    while (beyond - expert > 1) {
      std::int64_t const middle = (expert + beyond) / 2;
      (block.load(offsets, middle) <= t ? expert : beyond) = middle;
    }
    return expert;
  }
};

/// y[t, :] += the bias of the expert whose row t is.
struct AddExpertBiases {
  static constexpr char const* name = "talus::kernels::add_expert_biases";

  ExpertBiasRows biases;
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad const bias = load_quad(block, biases.row(block, t), 0, j);
    store_quad(block, y, t, j, plus(load_quad(block, y, t, j), bias));
  }
};

/// An array that is in the device's memory already.
template <class T>
[[nodiscard]] GlobalSpan<T> in_place(std::span<T> array) {
  return {array.data(), std::ssize(array)};
}

template <class Device>
void count_choices(Device& device,
                   std::span<std::int32_t const> expert_ids,
                   std::span<std::int64_t> counts) {
  std::int64_t const choices = std::ssize(expert_ids);
  if (choices == 0) {
    return;
  }
  int const threads = threads_for(choices);
  device.launch({{ceil_div(choices, threads)}, threads},
                CountChoices{in_place(expert_ids), in_place(counts)});
}

template <class Device>
void gather_tokens(Device& device,
                   MatrixView<float const> x,
                   std::span<std::int32_t const> token_rows,
                   RowsByExpert const& cut,
                   MatrixView<float> y) {
  for_each_quad(device,
                expert_rows(cut),
                y.rows,
                y.cols,
                SelectRows{by_quads(x), in_place(token_rows), by_quads(y)});
}

template <class Device>
[[nodiscard]] ExpertBiasRows bias_rows_of(Device& device,
                                          std::span<std::vector<float> const> biases,
                                          std::span<std::int32_t const> offsets) {
  std::vector<float const*> rows;
  bool are_aligned = true;
  for (std::vector<float> const& bias : biases) {
    rows.push_back(device.upload(std::span{bias}).data);
    are_aligned = are_aligned && reinterpret_cast<std::uintptr_t>(rows.back()) % sizeof(Quad) == 0;
  }
  return {device.upload(std::span{std::as_const(rows)}),
          in_place(offsets),
          std::ssize(biases.front()),
          are_aligned};
}

template <class Device>
void add_expert_biases(Device& device,
                       std::span<std::vector<float> const> biases,
                       RowsByExpert const& cut,
                       MatrixView<float> y) {
  for_each_quad(device,
                expert_rows(cut),
                y.rows,
                y.cols,
                AddExpertBiases{bias_rows_of(device, biases, cut.offsets), by_quads(y)});
}

}  // namespace talus::kernels::block
