// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <Kokkos_Core.hpp>

#include "runtime/base/error.hpp"

namespace talus::kernels::kokkos {

/// Where this backend computes, also in a Kokkos that has a GPU.
using Host = Kokkos::DefaultHostExecutionSpace;

/// \throws ConfigError  naming the operation, if Kokkos has not been started
inline void check_session(char const* label) {
  if (!Kokkos::is_initialized()) {
    throw ConfigError{concat(label, ": no session (a KernelSession must exist while it runs)")};
  }
}

/// Calls body(i) for i in [0, count), shared out to threads as they become free.
template <class Body>
void share_out(char const* label, std::int64_t count, Body const& body) {
  using Policy =
      Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(label, Policy(0, count, Kokkos::ChunkSize(1)), body);
}

}  // namespace talus::kernels::kokkos
