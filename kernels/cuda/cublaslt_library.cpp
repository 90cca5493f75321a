// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cublaslt_library.hpp"

#include <dlfcn.h>

#include "kernels/cuda/load_error.hpp"
#include "kernels/cuda/symbols.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

/// The first version of CUDA 12, whose interface is that of 13.
constexpr std::size_t oldest_version = 120000;

std::string find_functions(void* library, CublasLtFunctions& functions) {
  Symbols symbols{library};
  symbols.find(functions.version, "cublasLtGetVersion");
  symbols.find(functions.create, "cublasLtCreate");
  symbols.find(functions.destroy, "cublasLtDestroy");
  symbols.find(functions.create_product, "cublasLtMatmulDescCreate");
  symbols.find(functions.destroy_product, "cublasLtMatmulDescDestroy");
  symbols.find(functions.set_of_product, "cublasLtMatmulDescSetAttribute");
  symbols.find(functions.create_layout, "cublasLtMatrixLayoutCreate");
  symbols.find(functions.destroy_layout, "cublasLtMatrixLayoutDestroy");
  symbols.find(functions.create_preference, "cublasLtMatmulPreferenceCreate");
  symbols.find(functions.destroy_preference, "cublasLtMatmulPreferenceDestroy");
  symbols.find(functions.set_of_preference, "cublasLtMatmulPreferenceSetAttribute");
  symbols.find(functions.find_algorithms, "cublasLtMatmulAlgoGetHeuristic");
  symbols.find(functions.multiply, "cublasLtMatmul");
  return symbols.missing();
}

}  // namespace

CublasLtLibrary open_cublaslt(std::span<char const* const> files) {
  CublasLtLibrary library;
  void* opened = nullptr;
  for (char const* const file : files) {
    opened = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (opened != nullptr) {
      break;
    }
    library.problem += concat(library.problem.empty() ? "cuBLASLt: " : "; ", load_error());
  }
  if (opened == nullptr) {
    return library;
  }
  library.problem.clear();
  if (std::string const missing = find_functions(opened, library.functions); !missing.empty()) {
    library.problem = concat("cuBLASLt: the library has no ", missing);
    return library;
  }
  library.version = library.functions.version();
  if (library.version < oldest_version) {
    library.problem =
        concat("cuBLASLt: version ", library.version, " (needed: ", oldest_version, " or later)");
  }
  return library;
}

void check_cublaslt(int status, char const* what, SourceLocation where) {
  if (status != cublaslt::success) {
    throw ApiError{
        concat(
            what, ": cuBLAS status ", status, " (it says more where CUBLASLT_LOG_LEVEL=1 is set)"),
        status,
        where};
  }
}

}  // namespace talus::kernels::cuda
