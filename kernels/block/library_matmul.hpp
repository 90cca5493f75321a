// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/each_quad.hpp"
#include "kernels/block/tile_launch.hpp"
#include "kernels/cuda/library_products.hpp"
#include "kernels/operations.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// Products by the library that a device has for them, in place of kernels of ours: --gpu-matmul.

namespace talus::kernels::block {

/// Zeros.
struct ClearRows {
  static constexpr char const* name = "talus::kernels::clear_rows";

  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    store_quad(block, y, t, j, Quad{});
  }
};

/// The device's library for such a product; null: our kernels do it.
template <class Device>
[[nodiscard]] cuda::LibraryProducts* library_for(Device& device,
                                                 MatrixView<float const> x,
                                                 PackedWeights const& w) {
  bool const is_empty = x.rows == 0 || w.out() == 0 || w.in() == 0;
  return is_empty || w.codes() || w.dtype() != DType::bf16 ? nullptr : device.products();
}

/// y = x w^T + bias, the input rounded to bfloat16.
///
/// \param bias  [out]; empty: none
template <class Device>
void library_matmul(Device& device,
                    cuda::LibraryProducts& library,
                    MatrixView<float const> x,
                    PackedWeights const& w,
                    std::span<float const> bias,
                    MatrixView<float> y) {
  RoundedInput const rounded{device, x, {}};
  auto const* const weights = reinterpret_cast<std::uint16_t const*>(w.data());
  device.multiply(library,
                  cuda::LibraryProduct{.x = rounded.part(x),
                                       .w = {weights, w.out(), w.in(), w.in()},
                                       .y = y,
                                       .bias = bias.empty() ? nullptr : device.upload(bias).data});
}

/// Of a sum over leaves that is one product over all inputs, the first node's: the others are zero.
template <class Device>
void clear_other_nodes(Device& device, std::span<MatrixView<float> const> partials) {
  for (MatrixView<float> const& other : partials.subspan(1)) {
    for_each_quad(device, other.rows, other.cols, ClearRows{by_quads(other)});
  }
}

/// A sum over leaves.
template <class Device>
void library_leaves(Device& device,
                    cuda::LibraryProducts& library,
                    MatrixView<float const> x,
                    PackedWeights const& w,
                    std::span<MatrixView<float> const> partials) {
  library_matmul(device, library, x, w, {}, partials.front());
  clear_other_nodes(device, partials);
}

/// A product and a bias, of a device that has a library.
template <class Device>
void matmul_bias(Device& device,
                 MatrixView<float const> x,
                 PackedWeights const& w,
                 std::span<float const> bias,
                 MatrixView<float> y) {
  if (cuda::LibraryProducts* const library = library_for(device, x, w)) {
    library_matmul(device, *library, x, w, bias, y);
  }
}

}  // namespace talus::kernels::block
