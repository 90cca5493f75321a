// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/biased_activation.hpp"
#include "kernels/block/activation.hpp"
#include "kernels/block/choices.hpp"
#include "kernels/block/each_quad.hpp"

namespace talus::kernels::block {

/// One bias for all rows.
struct SharedBias {
  QuadMatrix<float const> bias;

  template <class Block>
  [[nodiscard]] TALUS_DEVICE QuadMatrix<float const> row(Block&, std::int64_t) const {
    return bias;
  }
};

/// The activation of x + bias.
///
/// \tparam Biases  gives the bias of a row: row(block, t), of as many columns as x
template <class Function, class Biases>
struct ActivateBiased {
  static constexpr char const* name = "talus::kernels::activate_biased";

  Function function;
  Biases biases;
  QuadMatrix<float const> gates;
  QuadMatrix<float const> ups;
  std::int64_t first_up = 0;  ///< its column in x
  QuadMatrix<float> y;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block, std::int64_t t, std::int64_t j) const {
    QuadMatrix<float const> const bias = biases.row(block, t);
    Quad const gate = biased(block, gates, bias, 0, t, j);
    Quad const up = biased(block, ups, bias, first_up, t, j);
    Quad result;
    for (int k = 0; k < quad; ++k) {
      result[k] = function(gate[k], up[k]);
    }
    store_quad(block, y, t, j, result);
  }

 private:
  /// The quad at j of a part of x that begins at its column `first`.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Quad biased(Block& block,
                                         QuadMatrix<float const> const& x,
                                         QuadMatrix<float const> const& bias,
                                         std::int64_t first,
                                         std::int64_t t,
                                         std::int64_t j) const {
    QuadMatrix<float const> const part{columns_of(bias.view, first, x.view.cols),
                                       bias.is_aligned && first % quad == 0};
    return plus(load_quad(block, x, t, j), load_quad(block, part, 0, j));
  }
};

/// \param experts  whose rows they are, or nobody's
template <class Device, class Biases>
void activate_rows(Device& device,
                   ActivationRule const& rule,
                   Biases const& biases,
                   ExpertRows const& experts,
                   MatrixView<float const> x,
                   MatrixView<float> y) {
  std::int64_t const first_up = rule.is_gated() ? y.cols : 0;
  auto const gates = by_quads(columns_of(x, 0, y.cols));
  auto const ups = by_quads(columns_of(x, first_up, y.cols));
  with_activation(rule, [&]<class Function>(Function const& function) {
    for_each_quad(
        device,
        experts,
        y.rows,
        y.cols,
        ActivateBiased<Function, Biases>{function, biases, gates, ups, first_up, by_quads(y)});
  });
}

template <class Device>
void activate_biased(Device& device,
                     ActivationRule const& rule,
                     std::span<float const> bias,
                     MatrixView<float const> x,
                     MatrixView<float> y) {
  activate_rows(device, rule, SharedBias{row_of(device, bias)}, {}, x, y);
}

template <class Device>
void activate_experts(Device& device,
                      ActivationRule const& rule,
                      ExpertBiases const& experts,
                      MatrixView<float const> x,
                      MatrixView<float> y) {
  ExpertRows const rows = expert_rows(experts.cut);
  if (experts.biases.empty()) {
    return activate(device, rule, rows, x, y);
  }
  activate_rows(
      device, rule, bias_rows_of(device, experts.biases, experts.cut.offsets), rows, x, y);
}

}  // namespace talus::kernels::block
