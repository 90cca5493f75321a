// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/each_quad.hpp"
#include "kernels/block/math.hpp"
#include "kernels/copy_heads.hpp"
#include "kernels/elementwise.hpp"

namespace talus::kernels::block {

struct Add {
  static constexpr char const* name = "talus::kernels::add";

  QuadMatrix<float const> x;
  QuadMatrix<float> y;
  float factor = 1.0F;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad const values = load_quad(block, x, t, j);
    Quad sums = load_quad(block, y, t, j);
    for (int k = 0; k < quad; ++k) {
      sums[k] += factor * values[k];
    }
    store_quad(block, y, t, j, sums);
  }
};

struct AddBias {
  static constexpr char const* name = "talus::kernels::add_bias";

  QuadMatrix<float const> bias;  ///< one row
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad const values = load_quad(block, bias, 0, j);
    store_quad(block, y, t, j, plus(load_quad(block, y, t, j), values));
  }
};

struct ScaleAndCap {
  static constexpr char const* name = "talus::kernels::scale_and_cap";

  QuadMatrix<float> y;
  float factor = 1.0F;
  float cap = 0.0F;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad values = load_quad(block, y, t, j);
    for (int k = 0; k < quad; ++k) {
      float const scaled = values[k] * factor;
      values[k] = cap > 0.0F ? cap * tanh(scaled / cap) : scaled;
    }
    store_quad(block, y, t, j, values);
  }
};

struct SelectRows {
  static constexpr char const* name = "talus::kernels::select_rows";

  QuadMatrix<float const> x;
  GlobalSpan<std::int32_t const> rows;
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    store_quad(block, y, t, j, load_quad(block, x, block.load(rows, t), j));
  }
};

/// Of a table of bfloat16, as its bits.
struct WidenRows {
  static constexpr char const* name = "talus::kernels::gather_rows";

  MatrixView<std::uint16_t const> table;
  GlobalSpan<std::int32_t const> ids;
  QuadMatrix<float> y;
  bool is_aligned = false;  ///< every quad of the table begins at a multiple of 8 bytes

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    std::int64_t const row = block.load(ids, t);
    Vector<std::uint16_t, quad> bits{};
    if (is_aligned && j + quad <= table.cols) {
      bits = block.load(table, row, j, width<quad>);
    } else {
      for (int k = 0; k < quad && j + k < table.cols; ++k) {
        bits[k] = block.load(table, row, j + k);
      }
    }
    Quad values;
    for (int k = 0; k < quad; ++k) {
      values[k] = bf16_to_float(bits[k]);
    }
    store_quad(block, y, t, j, values);
  }
};

/// Grid: rows, pieces of the copied columns. Block: a thread a column. No shared memory.
struct CopyHeads {
  static constexpr char const* name = "talus::kernels::copy_heads";

  HeadCopy copy;
  MatrixView<float const> x;
  MatrixView<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const number = block.block_index().y * block.num_threads() + block.thread_index();
    if (number >= copy.num_heads * copy.width) {
      return;
    }
    std::int64_t const t = block.block_index().x;
    std::int64_t const h = number / copy.width;
    std::int64_t const i = number % copy.width;
    block.store(y,
                t,
                h * copy.out_stride + copy.out_offset + i,
                block.load(x, t, h * copy.in_stride + copy.in_offset + i));
  }
};

template <class Device>
void add(Device& device, MatrixView<float const> x, MatrixView<float> y, float factor) {
  for_each_quad(device, y.rows, y.cols, Add{by_quads(x), by_quads(y), factor});
}

template <class Device>
void add_bias(Device& device, std::span<float const> bias, MatrixView<float> y) {
  for_each_quad(device, y.rows, y.cols, AddBias{row_of(device, bias), by_quads(y)});
}

template <class Device>
void scale_and_cap(Device& device, float factor, float cap, MatrixView<float> y) {
  for_each_quad(device, y.rows, y.cols, ScaleAndCap{by_quads(y), factor, cap});
}

template <class Device>
void select_rows(Device& device,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y) {
  for_each_quad(device, y.rows, y.cols, SelectRows{by_quads(x), device.upload(rows), by_quads(y)});
}

template <class Device>
void gather_rows(Device& device,
                 RowTable const& table,
                 std::span<std::int32_t const> ids,
                 MatrixView<float> y) {
  if (table.dtype() == DType::f32) {
    auto const* const data = reinterpret_cast<float const*>(table.data());
    return select_rows(device, {data, table.rows(), table.cols(), table.cols()}, ids, y);
  }
  MatrixView<std::uint16_t const> const bits{reinterpret_cast<std::uint16_t const*>(table.data()),
                                             table.rows(),
                                             table.cols(),
                                             table.cols()};
  for_each_quad(device,
                y.rows,
                y.cols,
                WidenRows{bits, device.upload(ids), by_quads(y), table.cols() % quad == 0});
}

template <class Device>
void copy_heads(Device& device,
                HeadCopy const& copy,
                MatrixView<float const> x,
                MatrixView<float> y) {
  std::int64_t const cols = copy.num_heads * copy.width;
  if (x.rows == 0 || cols == 0) {
    return;
  }
  int const threads = threads_for(cols);
  device.launch({{x.rows, ceil_div(cols, threads)}, threads}, CopyHeads{copy, x, y});
}

}  // namespace talus::kernels::block
