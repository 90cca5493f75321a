// SPDX-License-Identifier: Apache-2.0
#include "kernels/exec_context.hpp"

#include "runtime/base/error.hpp"

namespace talus::kernels {

char const* name_of(Backend backend) noexcept {
  switch (backend) {
    case Backend::reference:
      return "reference";
    case Backend::kokkos:
      return "kokkos";
  }
  return "unknown";
}

Backend backend_from(std::string_view name) {
  for (Backend const backend : {Backend::reference, Backend::kokkos}) {
    if (name == name_of(backend)) {
      return backend;
    }
  }
  throw ConfigError{concat("backend: ", name, " (must be reference or kokkos)")};
}

}  // namespace talus::kernels
