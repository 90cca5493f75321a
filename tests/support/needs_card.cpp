// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "kernels/targets.hpp"

// Linked to a test that needs a GPU: where there is none, it ends before anything else as a skipped
// one does, and says why.

namespace {

/// What ctest takes for skipped.
constexpr int skipped = 77;

bool has_card() {
  auto const devices = talus::kernels::visible_devices(talus::kernels::Backend::cuda);
  if (devices && devices->found.empty()) {
    std::printf("skipped: no GPU (%s)\n", devices->reason.c_str());
    std::fflush(stdout);
    std::_Exit(skipped);
  }
  return true;
}

[[maybe_unused]] bool const is_there = has_card();

}  // namespace
