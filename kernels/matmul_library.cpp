// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul_library.hpp"

#include "runtime/base/error.hpp"

namespace talus::kernels {

char const* name_of(MatmulLibrary library) noexcept {
  return library == MatmulLibrary::own ? "own" : "cublaslt";
}

MatmulLibrary matmul_library_from(std::string_view name) {
  for (MatmulLibrary const library : {MatmulLibrary::own, MatmulLibrary::cublaslt}) {
    if (name == name_of(library)) {
      return library;
    }
  }
  throw ConfigError{concat("--gpu-matmul: ", name, " (allowed: own, cublaslt)")};
}

}  // namespace talus::kernels
