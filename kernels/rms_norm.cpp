// SPDX-License-Identifier: Apache-2.0
#include "kernels/rms_norm.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"

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
  detail::check_epsilon("rms_norm", epsilon);
}

}  // namespace

void rms_norm(ExecContext const& exec,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  check_arguments(x, weight, epsilon, y);
  operations_of(exec.backend).rms_norm(exec, x, weight, epsilon, y);
}

void square_sums(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::int64_t head_dim,
                 MatrixView<float> sums) {
  detail::check_at_least("square_sums", "head_dim", head_dim, 1);
  detail::check_equal("square_sums", "rows of sums", sums.rows, x.rows);
  detail::check_equal("square_sums", "columns of x", x.cols, sums.cols * head_dim);
  operations_of(exec.backend).square_sums(exec, x, head_dim, sums);
}

void scale_by_sums(ExecContext const& exec,
                   MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x) {
  detail::check_equal("scale_by_sums", "rows of sums", sums.rows, x.rows);
  detail::check_equal("scale_by_sums", "columns of x", x.cols, std::ssize(weight));
  detail::check_at_least("scale_by_sums", "size of the row", norm.size, x.cols);
  operations_of(exec.backend).scale_by_sums(exec, sums, weight, norm, x);
}

}  // namespace talus::kernels
