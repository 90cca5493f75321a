// SPDX-License-Identifier: Apache-2.0
#include "kernels/rms_norm.hpp"

#include "kernels/backends.hpp"
#include "kernels/detail/checks.hpp"

namespace talus::kernels {
namespace {

void check_arguments(MatrixView<float const> x,
                     std::span<float const> weight,
                     float epsilon,
                     MatrixView<float> y) {
  detail::check_equal("rms_norm", "rows of y", y.rows, x.rows);
  detail::check_equal("rms_norm", "columns of y", y.cols, x.cols);
  if (weight.empty() || x.cols % std::ssize(weight) != 0) {
    throw ConfigError{concat("rms_norm: weight has ",
                             weight.size(),
                             " elements (must divide the ",
                             x.cols,
                             " columns of x)")};
  }
  if (!(epsilon > 0.0F)) {
    throw ConfigError{concat("rms_norm: epsilon = ", epsilon, " (must be positive)")};
  }
}

}  // namespace

void rms_norm(ExecContext const& exec,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  check_arguments(x, weight, epsilon, y);
  switch (exec.backend) {
    case Backend::reference:
      return reference::rms_norm(x, weight, epsilon, y);
    case Backend::kokkos:
      return kokkos::rms_norm(x, weight, epsilon, y);
  }
}

}  // namespace talus::kernels
