// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/block/emulation/operations.hpp"

#include "tests/kernels/kernels_support.hpp"

namespace talus::kernels {

inline constexpr ExecContext on_cuda{Backend::cuda};

/// Orders of threads and blocks beside the random one that emulated operations have by default.
[[nodiscard]] inline std::vector<block::emulation::Schedule> other_schedules() {
  using enum block::emulation::Schedule::Order;
  return {{forward}, {reverse}, {random, 7}, {random, 8}};
}

/// Calls run(), which computes on the cuda backend, by every schedule: its result must be `wanted`.
template <class Result, class Run>
void check_schedules(Result const& wanted, Run const& run) {
  for (auto const schedule : other_schedules()) {
    block::emulation::ScopedSchedule const scoped{schedule};
    CHECK(run() == wanted);
    CHECK(scoped.num_launches() > 0);
  }
}

}  // namespace talus::kernels
