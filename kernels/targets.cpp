// SPDX-License-Identifier: Apache-2.0
#include "kernels/targets.hpp"

#include <algorithm>
#include <vector>

#include "kernels/reference/functions.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

// Of sources that are compiled for one target each (kernels/lanes).
namespace kokkos {
Operations operations() noexcept;
}
#if TALUS_HAS_X86
namespace avx2 {
Operations operations() noexcept;
}

namespace avx512 {
Operations operations() noexcept;
}
#endif

namespace {

std::vector<Target> find_targets() {
  std::vector<Target> found{{Backend::reference, reference::table_of_operations()},
                            {Backend::kokkos, kokkos::operations()}};
#if TALUS_HAS_X86
  __builtin_cpu_init();
  bool const has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi2");
  if (has_avx2) {
    found.push_back({Backend::avx2, avx2::operations()});
  }
  if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    found.push_back({Backend::avx512, avx512::operations()});
  }
#endif
  return found;
}

}  // namespace

std::vector<Target> const& targets() {
  static std::vector<Target> const found = find_targets();
  return found;
}

Operations const& operations_of(Backend backend) {
  for (Target const& target : targets()) {
    if (target.backend == backend) {
      return target.operations;
    }
  }
  throw ConfigError{concat("backend: ", name_of(backend), " (this processor can't run it)")};
}

}  // namespace talus::kernels
