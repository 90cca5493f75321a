// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// y = the activation of x + bias: add_bias and activate, in one pass where the backend has an
/// operation for it, with their bits.
///
/// \param bias  one a column of x; empty: none
/// \param x     as activate()'s; what it holds afterwards is not specified
/// \param y     as activate()'s
/// \throws ConfigError  if the shapes do not match
void activate_biased(ExecContext const& exec,
                     ActivationRule const& rule,
                     std::span<float const> bias,
                     MatrixView<float> x,
                     MatrixView<float> y);

/// Biases of experts, and which rows are whose: as add_expert_biases() has them.
struct ExpertBiases {
  std::span<std::vector<float> const> biases;  ///< [experts], or empty: none
  RowsByExpert cut;
};

/// y = the activation of x + its expert's bias: add_expert_biases and activate, likewise.
///
/// \param x  [rows, columns of a bias], ordered by expert; what it holds afterwards is not
/// specified \param y  as activate()'s \throws ConfigError  if the shapes do not match
void activate_experts(ExecContext const& exec,
                      ActivationRule const& rule,
                      ExpertBiases const& experts,
                      MatrixView<float> x,
                      MatrixView<float> y);

}  // namespace talus::kernels
