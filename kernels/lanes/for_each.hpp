// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"

#if TALUS_TARGET_IS_KOKKOS
#include "kernels/kokkos/parallel.hpp"
#else
#include "kernels/threads/thread_team.hpp"
#endif

namespace talus::kernels::TALUS_TARGET {

/// Calls body(i) for i in [0, count), shared out to threads as they become free.
///
/// \param cost  what all calls together cost, in elementary steps; little work stays on this
/// thread,
///              since waking the others takes longer
template <class Body>
void for_each([[maybe_unused]] ExecContext const& exec,
              [[maybe_unused]] char const* label,
              std::int64_t count,
              std::int64_t cost,
              Body const& body) {
#if TALUS_TARGET_IS_KOKKOS
  constexpr std::int64_t worth_sharing = 20'000;  // about 5 us, what a parallel region costs
  bool const is_alone = false;
  check_session(label);
#else
  constexpr std::int64_t worth_sharing = 6'000;  // about 1.5 us, what waking a team costs
  bool const is_alone = exec.team == nullptr;
#endif
  if (is_alone || count <= 1 || cost < worth_sharing) {
    for (std::int64_t i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
#if TALUS_TARGET_IS_KOKKOS
  share_out(label, count, body);
#else
  exec.team->run(count,
                 {[](void const* context, std::int64_t first, std::int64_t last) {
                    for (std::int64_t i = first; i < last; ++i) {
                      (*static_cast<Body const*>(context))(i);
                    }
                  },
                  &body});
#endif
}

}  // namespace talus::kernels::TALUS_TARGET
