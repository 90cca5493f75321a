// SPDX-License-Identifier: Apache-2.0
#include "kernels/exec_context.hpp"

#include <algorithm>
#include <string>

#include "kernels/operations.hpp"
#include "kernels/targets.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

char const* name_of(Backend backend) noexcept {
  switch (backend) {
    case Backend::reference:
      return "reference";
    case Backend::kokkos:
      return "kokkos";
    case Backend::avx2:
      return "avx2";
    case Backend::avx512:
      return "avx512";
    case Backend::avx512_bf16:
      return "avx512_bf16";
    case Backend::amx:
      return "amx";
    case Backend::cuda:
      return "cuda";
  }
  return "unknown";
}

Backend backend_from(std::string_view name) {
  std::string allowed;
  for (Target const& target : targets()) {
    if (name == name_of(target.backend)) {
      return target.backend;
    }
    allowed += allowed.empty() ? "" : ", ";
    allowed += name_of(target.backend);
  }
  if (name == name_of(Backend::cuda)) {
    static_cast<void>(operations_of(Backend::cuda));  // or says why there is none
    return Backend::cuda;
  }
  throw ConfigError{concat("backend: ", name, " (on this processor: ", allowed, ')')};
}

std::span<Backend const> available_backends() {
  static std::vector<Backend> const backends = [] {
    std::vector<Backend> all;
    for (Target const& target : targets()) {
      all.push_back(target.backend);
    }
    return all;
  }();
  return backends;
}

}  // namespace talus::kernels
