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
  return {.outputs = product.w.rows,
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

}  // namespace

LibraryProducts::LibraryProducts(CublasLtLibrary const& library, ProductResources const& resources)
    : functions_{library.functions},
      resources_{resources},
      handle_{make_handle(functions_)},
      plans_{functions_, handle_.get(), resources.workspace_bytes} {}

void LibraryProducts::multiply(LibraryProduct const& product) {
  TALUS_EXPECT(product.w.rows > 0 && product.w.cols > 0 && product.x.rows > 0);
  ProductPlan const& plan = plans_.find(key_of(product));
  if (product.bias != nullptr) {
    check_cublaslt(
        functions_.set_of_product(
            plan.product.get(), cublaslt::product_bias, &product.bias, sizeof product.bias),
        "cublasLtMatmulDescSetAttribute");
  }
  float const one = 1.0F;
  float const zero = 0.0F;
  // Weights are the left matrix: rows of ours are columns of the library's.
  check_cublaslt(functions_.multiply(handle_.get(),
                                     plan.product.get(),
                                     &one,
                                     product.w.data,
                                     plan.w.get(),
                                     product.x.data,
                                     plan.x.get(),
                                     &zero,
                                     product.y.data,
                                     plan.y.get(),
                                     product.y.data,
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
