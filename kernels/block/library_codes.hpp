// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/block/each_quad.hpp"
#include "kernels/block/library_matmul.hpp"
#include "kernels/block/quantize_floats.hpp"
#include "kernels/cuda/library_products.hpp"
#include "kernels/detail/code_rows.hpp"
#include "kernels/packed_weights.hpp"

/// \file
/// Products of fp8 codes by the library that a device has for them: --gpu-matmul.

namespace talus::kernels::block {

/// Takes products from where the library put them; scales them, if it doesn't.
struct TakeProducts {
  static constexpr char const* name = "talus::kernels::take_products";

  QuadMatrix<float const> from;
  QuadMatrix<float> y;  ///< may be `from`
  bool is_scaled = false;
  GlobalSpan<float const> x_scales;  ///< [rows]
  GlobalSpan<float const> w_scales;  ///< [out], a multiple of 4

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    Quad values = load_quad(block, from, t, j);
    if (is_scaled) {
      float const scale = block.load(x_scales, t);
      for (int k = 0; k < quad; ++k) {
        values[k] *= scale * block.load(w_scales, j + k);
      }
    }
    store_quad(block, y, t, j, values);
  }
};

/// A product of codes in the order of rows, whose rows of x are quantised.
[[nodiscard]] inline cuda::LibraryCodeProduct product_of_codes(cuda::ProductKind kind,
                                                               FloatRows const& x,
                                                               PackedWeights const& w,
                                                               MatrixView<float> y) {
  detail::CodeRows const layout{w.out(), w.in(), *w.codes()};
  return {.kind = kind,
          .x = {reinterpret_cast<std::uint8_t const*>(x.words.data), x.rows, w.in(), w.in()},
          .w = {reinterpret_cast<std::uint8_t const*>(w.data()), w.out(), w.in(), w.in()},
          .y = y,
          .x_scales = x.scales.data,
          .w_scales = reinterpret_cast<float const*>(w.data() + layout.scales_at())};
}

/// y = x w^T, of codes in the order of rows; x is quantised to fp8, too.
///
/// The library wants whole sixteens of rows: others are zero, and the products then scratch memory.
template <class Device>
void library_matmul_codes(Device& device,
                          MatrixView<float const> x,
                          PackedWeights const& w,
                          MatrixView<float> y) {
  if (x.rows == 0) {
    return;
  }
  cuda::LibraryProducts& library = *device.products();
  cuda::ProductKind const kind = *library.kind_of(w.out(), w.in(), *w.codes());
  bool const has_blocks = kind == cuda::ProductKind::code_blocks;
  std::int64_t const rows = round_up(x.rows, detail::CodeRows::alignment);
  FloatRows const codes =
      quantize_floats(device, x, rows, has_blocks ? detail::CodeRows::block : x.cols);
  QuadMatrix<float> const target = by_quads(y);
  bool const is_direct = rows == x.rows && target.is_aligned;
  MatrixView<float> products = y;
  if (!is_direct) {
    products = {device.template scratch<float>(rows * w.out()).data, rows, w.out(), w.out()};
  }
  cuda::LibraryCodeProduct const product = product_of_codes(kind, codes, w, products);
  device.multiply(library, product);
  bool const is_scaled = kind == cuda::ProductKind::codes;
  if (is_scaled || !is_direct) {
    MatrixView<float const> const from{products.data, x.rows, w.out(), products.row_stride};
    for_each_quad(device,
                  x.rows,
                  w.out(),
                  TakeProducts{by_quads(from),
                               target,
                               is_scaled,
                               {codes.scales.data, codes.scales.size},
                               {product.w_scales, w.out()}});
  }
}

/// A sum over leaves.
template <class Device>
void library_code_leaves(Device& device,
                         MatrixView<float const> x,
                         PackedWeights const& w,
                         std::span<MatrixView<float> const> partials) {
  library_matmul_codes(device, x, w, partials.front());
  clear_other_nodes(device, partials);
}

}  // namespace talus::kernels::block
