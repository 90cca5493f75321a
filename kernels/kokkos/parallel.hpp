// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <Kokkos_Core.hpp>

#include "runtime/base/error.hpp"

namespace talus::kernels::kokkos {

/// Where this backend computes, also in a Kokkos that has a GPU.
using Host = Kokkos::DefaultHostExecutionSpace;

/// Calls body(i) for i in [0, count), shared out to threads as they become free.
///
/// \param cost  what all calls together cost, in elementary steps; little work stays on this
/// thread,
///              since waking the others takes longer
template <class Body>
void for_each(char const* label, std::int64_t count, std::int64_t cost, Body const& body) {
  constexpr std::int64_t worth_sharing = 20'000;  // about 5 us, what a parallel region costs
  if (!Kokkos::is_initialized()) {
    throw ConfigError{concat(label, ": no session (a KernelSession must exist while it runs)")};
  }
  if (count == 1 || cost < worth_sharing) {
    for (std::int64_t i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  using Policy =
      Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(label, Policy(0, count, Kokkos::ChunkSize(1)), body);
}

}  // namespace talus::kernels::kokkos
