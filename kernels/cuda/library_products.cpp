// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/library_products.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

CublasLtHandle make_handle(CublasLtFunctions const& functions) {
  CublasLtFunctions::Handle handle = nullptr;
  check_cublaslt(functions.create(&handle), "cublasLtCreate");
  return {handle, functions.destroy};
}

ProductKey key_of(LibraryProduct const& product) {
  return {.kind = ProductKind::bf16,
          .outputs = product.w.rows,
          .rows = product.x.rows,
          .inputs = product.w.cols,
          .w_stride = product.w.row_stride,
          .x_stride = product.x.row_stride,
          .y_stride = product.y.row_stride,
          .bias_alignment = product.bias == nullptr ? 0 : alignment_of(product.bias),
          .w_alignment = alignment_of(product.w.data),
          .x_alignment = alignment_of(product.x.data),
          .y_alignment = alignment_of(product.y.data)};
}

struct ProductShape {
  std::int64_t outputs = 0;
  std::int64_t rows = 0;
  std::int64_t inputs = 0;
};

/// Of matrices that are aligned as the library wants them of fp8.
ProductKey key_of_codes(ProductKind kind, ProductShape const& shape, std::int64_t y_stride) {
  constexpr std::uint32_t alignment = 16;
  return {.kind = kind,
          .outputs = shape.outputs,
          .rows = shape.rows,
          .inputs = shape.inputs,
          .w_stride = shape.inputs,
          .x_stride = shape.inputs,
          .y_stride = y_stride,
          .bias_alignment = 0,
          .w_alignment = alignment,
          .x_alignment = alignment,
          .y_alignment = alignment};
}

ProductKey key_of(LibraryCodeProduct const& product) {
  return key_of_codes(
      product.kind, {product.w.rows, product.x.rows, product.w.cols}, product.y.row_stride);
}

void set_address(CublasLtFunctions const& functions,
                 ProductPlan const& plan,
                 int attribute,
                 float const* address) {
  check_cublaslt(functions.set_of_product(plan.product.get(), attribute, &address, sizeof address),
                 "cublasLtMatmulDescSetAttribute");
}

}  // namespace

LibraryProducts::LibraryProducts(CublasLtLibrary const& library, ProductResources const& resources)
    : functions_{library.functions},
      resources_{resources},
      ability_{resources.capability, library.version},
      handle_{make_handle(functions_)},
      plans_{functions_, handle_.get(), resources.workspace_bytes} {}

void LibraryProducts::multiply(LibraryProduct const& product) {
  TALUS_EXPECT(product.w.rows > 0 && product.w.cols > 0 && product.x.rows > 0);
  ProductPlan const& plan = plans_.find(key_of(product));
  if (product.bias != nullptr) {
    set_address(functions_, plan, cublaslt::product_bias, product.bias);
  }
  queue(plan, {product.w.data, product.x.data, product.y.data});
}

void LibraryProducts::multiply(LibraryCodeProduct const& product) {
  ProductPlan const& plan = plans_.find(key_of(product));
  if (product.kind != ProductKind::codes) {
    set_address(functions_, plan, cublaslt::product_scales_a, product.w_scales);
    set_address(functions_, plan, cublaslt::product_scales_b, product.x_scales);
  }
  queue(plan, {product.w.data, product.x.data, product.y.data});
}

bool LibraryProducts::takes_codes(std::int64_t out, std::int64_t in, QuantStorage const& storage) {
  constexpr std::int64_t few_rows = 16;
  auto const kind = kind_of(out, in, storage);
  return kind && plans_.has(key_of_codes(*kind, {out, few_rows, in}, out));
}

void LibraryProducts::queue(ProductPlan const& plan, Operands const& operands) {
  float const one = 1.0F;
  float const zero = 0.0F;
  // Weights are the left matrix: rows of ours are columns of the library's.
  check_cublaslt(functions_.multiply(handle_.get(),
                                     plan.product.get(),
                                     &one,
                                     operands.w,
                                     plan.w.get(),
                                     operands.x,
                                     plan.x.get(),
                                     &zero,
                                     operands.y,
                                     plan.y.get(),
                                     operands.y,
                                     plan.y.get(),
                                     &plan.algorithm,
                                     resources_.workspace,
                                     static_cast<std::size_t>(resources_.workspace_bytes),
                                     resources_.stream),
                 "cublasLtMatmul");
  ++num_products_;
}

CublasLtLibrary require_cublaslt() {
  CublasLtLibrary library = open_cublaslt();
  if (!library.problem.empty()) {
    throw ConfigError{concat("--gpu-matmul cublaslt: ", library.problem)};
  }
  return library;
}

}  // namespace talus::kernels::cuda
