// SPDX-License-Identifier: Apache-2.0
#include "kernels/add_rms_norm.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/operations.hpp"
#include "kernels/rms_norm.hpp"

namespace talus::kernels {
namespace {

using detail::check_equal;

void check_arguments(AddNorms const& norms,
                     MatrixView<float const> y,
                     MatrixView<float const> x,
                     MatrixView<float const> normed) {
  check_equal("add_rms_norm", "rows of y", y.rows, x.rows);
  check_equal("add_rms_norm", "columns of y", y.cols, x.cols);
  if (!norms.before.empty()) {
    check_equal("add_rms_norm", "weights of the norm before", std::ssize(norms.before), x.cols);
  }
  if (!norms.after.empty()) {
    check_equal("add_rms_norm", "weights of the norm after", std::ssize(norms.after), x.cols);
    check_equal("add_rms_norm", "rows of the normalised", normed.rows, x.rows);
    check_equal("add_rms_norm", "columns of the normalised", normed.cols, x.cols);
  }
  if (!norms.before.empty() || !norms.after.empty()) {
    detail::check_epsilon("add_rms_norm", norms.epsilon);
  }
}

}  // namespace

void add_rms_norm(ExecContext const& exec,
                  AddNorms const& norms,
                  MatrixView<float> y,
                  MatrixView<float> x,
                  MatrixView<float> normed) {
  check_arguments(norms, as_const(y), as_const(x), as_const(normed));
  if (auto* const at_once = operations_of(exec.backend).add_rms_norm) {
    return at_once(exec, norms, as_const(y), x, normed);
  }
  if (!norms.before.empty()) {
    rms_norm(exec, as_const(y), norms.before, norms.epsilon, y);
  }
  add(exec, as_const(y), x, norms.factor);
  if (!norms.after.empty()) {
    rms_norm(exec, as_const(x), norms.after, norms.epsilon, normed);
  }
}

}  // namespace talus::kernels
