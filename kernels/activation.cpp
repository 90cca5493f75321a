// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {

void activate(ExecContext const& exec,
              ActivationRule const& rule,
              MatrixView<float const> x,
              MatrixView<float> y) {
  detail::check_equal("activate", "rows of y", y.rows, x.rows);
  detail::check_equal("activate", "columns of x", x.cols, rule.is_gated() ? 2 * y.cols : y.cols);
  operations_of(exec.backend).activate(exec, rule, x, y);
}

}  // namespace talus::kernels
