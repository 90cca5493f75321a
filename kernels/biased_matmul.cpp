// SPDX-License-Identifier: Apache-2.0
#include "kernels/biased_matmul.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/device.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/matmul.hpp"

namespace talus::kernels {
namespace {

using detail::check_equal;

/// Of a product that a device does together with a bias; null: each for itself.
BiasedMatmul biased_matmul_of(ExecContext const& exec,
                              MatrixView<float const> x,
                              PackedWeights const& w) {
  bool const is_empty = x.rows == 0 || w.out() == 0 || w.in() == 0;
  bool const is_fit = !is_empty && !w.codes() && w.dtype() == DType::bf16;
  return is_fit && exec.device != nullptr ? exec.device->biased_matmul() : nullptr;
}

}  // namespace

void biased_matmul(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   std::span<float const> bias,
                   MatrixView<float> y) {
  BiasedMatmul const at_once = bias.empty() ? nullptr : biased_matmul_of(exec, x, w);
  if (at_once == nullptr) {
    matmul(exec, x, w, y);
    if (!bias.empty()) {
      add_bias(exec, bias, y);
    }
    return;
  }
  check_equal("matmul", "columns of x", x.cols, w.in());
  check_equal("matmul", "columns of y", y.cols, w.out());
  check_equal("matmul", "rows of y", y.rows, x.rows);
  check_equal("matmul", "elements of the bias", std::ssize(bias), w.out());
  at_once(exec, x, w, bias, y);
}

std::span<float const> matmul_before_bias(ExecContext const& exec,
                                          MatrixView<float const> x,
                                          PackedWeights const& w,
                                          std::span<float const> bias,
                                          MatrixView<float> y) {
  if (!bias.empty() && biased_matmul_of(exec, x, w) != nullptr) {
    biased_matmul(exec, x, w, bias, y);
    return {};
  }
  matmul(exec, x, w, y);
  return bias;
}

}  // namespace talus::kernels
