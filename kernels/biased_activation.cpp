// SPDX-License-Identifier: Apache-2.0
#include "kernels/biased_activation.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/moe.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

using detail::check_equal;

void check_shapes(ActivationRule const& rule,
                  MatrixView<float const> x,
                  MatrixView<float const> y) {
  check_equal("activate", "rows of y", y.rows, x.rows);
  check_equal("activate", "columns of x", x.cols, rule.is_gated() ? 2 * y.cols : y.cols);
}

}  // namespace

void activate_biased(ExecContext const& exec,
                     ActivationRule const& rule,
                     std::span<float const> bias,
                     MatrixView<float> x,
                     MatrixView<float> y) {
  if (bias.empty()) {
    return activate(exec, rule, as_const(x), y);
  }
  check_shapes(rule, as_const(x), as_const(y));
  check_equal("activate", "elements of the bias", std::ssize(bias), x.cols);
  if (auto* const at_once = operations_of(exec.backend).activate_biased) {
    return at_once(exec, rule, bias, as_const(x), y);
  }
  add_bias(exec, bias, x);
  activate(exec, rule, as_const(x), y);
}

void activate_experts(ExecContext const& exec,
                      ActivationRule const& rule,
                      ExpertBiases const& experts,
                      MatrixView<float> x,
                      MatrixView<float> y) {
  auto* const at_once = operations_of(exec.backend).activate_experts;
  if (at_once == nullptr) {
    add_expert_biases(exec, experts.biases, experts.cut, x);
    return activate(exec, rule, as_const(x), y);
  }
  check_shapes(rule, as_const(x), as_const(y));
  if (!experts.biases.empty()) {
    check_equal(
        "activate", "number of biases", std::ssize(experts.biases), experts.cut.num_experts());
  }
  for (std::vector<float> const& bias : experts.biases) {
    check_equal("activate", "elements of a bias", std::ssize(bias), x.cols);
  }
  at_once(exec, rule, experts, as_const(x), y);
}

}  // namespace talus::kernels
