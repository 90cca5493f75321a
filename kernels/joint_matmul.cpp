// SPDX-License-Identifier: Apache-2.0
#include "kernels/joint_matmul.hpp"

#include <algorithm>

#include "kernels/detail/checks.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

/// Whether one kernel reads both: codes of one kind, whatever their groups.
bool are_alike(PackedWeights const& a, PackedWeights const& b) {
  if (a.codes().has_value() != b.codes().has_value() || a.in() != b.in()) {
    return false;
  }
  return a.codes() ? a.codes()->format.kind == b.codes()->format.kind : a.dtype() == b.dtype();
}

}  // namespace

void joint_matmul(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<JointProduct const> products) {
  if (products.empty()) {
    return;
  }
  PackedWeights const& first = *products.front().w;
  Operations const& operations = operations_of(exec.backend);
  auto* const at_once = first.codes() ? operations.codes.joint_matmul : operations.joint_matmul;
  bool const alike = std::ranges::all_of(
      products, [&](JointProduct const& product) { return are_alike(first, *product.w); });
  if (at_once == nullptr || !alike || products.size() == 1) {
    for (JointProduct const& product : products) {
      matmul(exec, x, *product.w, product.y);
    }
    return;
  }
  for (JointProduct const& product : products) {
    detail::check_equal("matmul", "columns of x", x.cols, product.w->in());
    detail::check_equal("matmul", "columns of y", product.y.cols, product.w->out());
    detail::check_equal("matmul", "rows of y", product.y.rows, x.rows);
  }
  at_once(exec, x, products);
}

}  // namespace talus::kernels
