// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/gpu/library_product.hpp"

#include <cublasLt.h>
#include <dlfcn.h>

#include "jobs/bench/gpu/report.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench::gpu {
namespace {

constexpr std::int64_t workspace_bytes = std::int64_t{64} << 20;

/// The functions that are called, of a library that is opened.
struct Library {
  void* opened = nullptr;
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtMatmulDescCreate) create_product = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_of_product = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_of_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) find_algorithm = nullptr;
  decltype(&cublasLtMatmul) multiply = nullptr;
};

template <class Function>
void find(void* opened, char const* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(opened, name));
  if (function == nullptr) {
    throw ConfigError{concat("cuBLASLt: no ", name)};
  }
}

/// \param name  of the shared library, which stays open
Library open(char const* name) {
  Library library;
  library.opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library.opened == nullptr) {
    return library;
  }
  find(library.opened, "cublasLtCreate", library.create);
  find(library.opened, "cublasLtMatmulDescCreate", library.create_product);
  find(library.opened, "cublasLtMatmulDescSetAttribute", library.set_of_product);
  find(library.opened, "cublasLtMatrixLayoutCreate", library.create_layout);
  find(library.opened, "cublasLtMatmulPreferenceCreate", library.create_preference);
  find(library.opened, "cublasLtMatmulPreferenceSetAttribute", library.set_of_preference);
  find(library.opened, "cublasLtMatmulAlgoGetHeuristic", library.find_algorithm);
  find(library.opened, "cublasLtMatmul", library.multiply);
  return library;
}

void check(cublasStatus_t status, char const* what) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw ApiError{concat(what, ": cuBLAS status ", static_cast<int>(status)), status, SourceLocation::current()};
  }
}

/// y = w^T x of square matrices, columns first: rows of weights and of inputs, as ours are. What is
/// made here lives as long as the program.
struct Product {
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t inputs = nullptr;
  cublasLtMatrixLayout_t sums = nullptr;
  cublasLtMatmulHeuristicResult_t algorithm{};
};

Product plan(Library const& library, std::int64_t size) {
  Product product;
  check(library.create(&product.handle), "cublasLtCreate");
  check(library.create_product(&product.description, CUBLAS_COMPUTE_32F, CUDA_R_32F),
        "cublasLtMatmulDescCreate");
  cublasOperation_t const transposed = CUBLAS_OP_T;
  check(library.set_of_product(
            product.description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
        "cublasLtMatmulDescSetAttribute");
  auto const rows = static_cast<std::uint64_t>(size);
  check(library.create_layout(&product.inputs, CUDA_R_16BF, rows, rows, size),
        "cublasLtMatrixLayoutCreate");
  check(library.create_layout(&product.sums, CUDA_R_32F, rows, rows, size),
        "cublasLtMatrixLayoutCreate");
  cublasLtMatmulPreference_t preference = nullptr;
  check(library.create_preference(&preference), "cublasLtMatmulPreferenceCreate");
  auto const most = static_cast<std::uint64_t>(workspace_bytes);
  check(library.set_of_preference(
            preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most),
        "cublasLtMatmulPreferenceSetAttribute");
  int found = 0;
  check(library.find_algorithm(product.handle,
                               product.description,
                               product.inputs,
                               product.inputs,
                               product.sums,
                               product.sums,
                               preference,
                               1,
                               &product.algorithm,
                               &found),
        "cublasLtMatmulAlgoGetHeuristic");
  return product;
}

}  // namespace

LibraryRate library_rate(Bench& bench, std::int64_t size) {
  Library library = open("libcublasLt.so.13");
  if (library.opened == nullptr) {
    library = open("libcublasLt.so.12");
  }
  if (library.opened == nullptr) {
    return {0.0, " (not measured: no cuBLASLt)"};
  }
  Product const product = plan(library, size);
  auto const w = on_card(bench, random_bf16(size * size, 1));
  auto const x = on_card(bench, random_bf16(size * size, 2));
  kernels::Buffer<float> y{bench.exec(), size * size};
  kernels::Buffer<std::byte> workspace{bench.exec(), workspace_bytes};
  float const one = 1.0F;
  float const zero = 0.0F;
  auto const times = bench.time([&](int) {
    check(library.multiply(product.handle,
                           product.description,
                           &one,
                           w.data(),
                           product.inputs,
                           x.data(),
                           product.inputs,
                           &zero,
                           y.data(),
                           product.sums,
                           y.data(),
                           product.sums,
                           &product.algorithm.algo,
                           workspace.data(),
                           static_cast<std::size_t>(workspace_bytes),
                           bench.device().stream()),
          "cublasLtMatmul");
  });
  auto const side = static_cast<double>(size);
  return {2.0 * side * side * side / quantile(times, 0.5) * 1e6, ""};
}

}  // namespace talus::bench::gpu
