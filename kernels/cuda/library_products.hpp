// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/cuda/code_kinds.hpp"
#include "kernels/cuda/cublaslt_library.hpp"
#include "kernels/cuda/product_plans.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::cuda {

/// y[t, o] = sum_i x[t, i] * w[o, i] (+ bias[o]), of bfloat16, in memory of the device.
struct LibraryProduct {
  MatrixView<std::uint16_t const> x;
  MatrixView<std::uint16_t const> w;
  MatrixView<float> y;
  float const* bias = nullptr;  ///< [out]; null: none
};

/// y = x w^T of codes of fp8, scaled by what `kind` says, in memory of the device. All matrices
/// begin at multiples of 16 bytes, and have multiples of 16 rows and columns.
struct LibraryCodeProduct {
  ProductKind kind = ProductKind::codes;
  MatrixView<std::uint8_t const> x;
  MatrixView<std::uint8_t const> w;
  MatrixView<float> y;
  float const* x_scales = nullptr;  ///< [rows], or [128 inputs, rows]; null: of `codes`
  float const* w_scales = nullptr;  ///< as detail::CodeRows has them; null: likewise
};

/// What the library works with.
struct ProductResources {
  void* workspace = nullptr;  ///< of the device, 256-byte aligned; outlives the products
  std::int64_t workspace_bytes = 0;
  CUstream_st* stream = nullptr;  ///< that products are queued on
  int capability = 0;             ///< compute capability of the card: 90 is 9.0
};

/// Products by cuBLASLt: faster where there are many rows, but in an order of summation that the
/// library chooses, for each number of rows another. Never run on a card yet.
///
/// For one thread, as the device is.
class LibraryProducts {
 public:
  /// What NVIDIA advises for compute capability 9.0.
  static constexpr std::int64_t usual_workspace_bytes = std::int64_t{32} << 20;

  /// \param library    without a problem
  /// \throws ApiError  if cuBLASLt reports an error
  LibraryProducts(CublasLtLibrary const& library, ProductResources const& resources);

  /// No matrix is empty. Returns when queued.
  ///
  /// \throws ApiError  if cuBLASLt reports an error, or has no algorithm for such a product
  void multiply(LibraryProduct const& product);
  void multiply(LibraryCodeProduct const& product);

  /// How weights of such codes are multiplied that takes_codes() is true of.
  [[nodiscard]] std::optional<ProductKind> kind_of(std::int64_t out,
                                                   std::int64_t in,
                                                   QuantStorage const& storage) const noexcept {
    return kind_of_codes(ability_, out, in, storage);
  }

  /// Whether weights of such codes are to be the library's: it has an algorithm for few rows.
  ///
  /// \throws ApiError  if cuBLASLt reports an error
  [[nodiscard]] bool takes_codes(std::int64_t out, std::int64_t in, QuantStorage const& storage);

  /// Products so far.
  [[nodiscard]] std::int64_t num_products() const noexcept { return num_products_; }

  [[nodiscard]] ProductPlans const& plans() const noexcept { return plans_; }

 private:
  /// What both kinds of products give the library.
  struct Operands {
    void const* w;
    void const* x;
    float* y;
  };

  void queue(ProductPlan const& plan, Operands const& operands);

  CublasLtFunctions functions_;
  ProductResources resources_;
  CodeAbility ability_;
  CublasLtHandle handle_;
  ProductPlans plans_;
  std::int64_t num_products_ = 0;
};

/// \throws ConfigError  if there is no cuBLASLt, with the reason
/// \throws ApiError     if it reports an error
[[nodiscard]] CublasLtLibrary require_cublaslt();

}  // namespace talus::kernels::cuda
