// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "kernels/block/emulation/emulated_device.hpp"

#include "tests/support/catch.hpp"

namespace talus::kernels::block::emulation {

/// A kernel of a lambda.
template <class Body>
struct TestKernel {
  static constexpr char const* name = "test kernel";

  Body body;

  template <class Block>
  void operator()(Block& block) const {
    body(block);
  }
};

inline constexpr std::int64_t some_bytes = 4096;

/// Every order of threads and blocks that the tests try.
inline std::vector<Schedule> schedules() {
  using enum Schedule::Order;
  return {{forward}, {reverse}, {random, 1}, {random, 2}, {random, 3}};
}

/// What the emulation finds in a kernel: the same kind by every schedule. Its first message.
template <class Body>
std::string fault_of(FaultKind wanted, LaunchShape const& shape, Body const& body) {
  std::string first;
  for (Schedule const schedule : schedules()) {
    EmulatedDevice device{schedule};
    std::string message = "nothing was found";
    try {
      device.launch(shape, TestKernel<Body>{body});
    } catch (KernelFault const& fault) {
      CHECK(fault.kind() == wanted);
      message = fault.what();
    }
    INFO(message);
    CHECK_THAT(message, Catch::Matchers::ContainsSubstring("test kernel: block ("));
    first = first.empty() ? message : first;
  }
  return first;
}

/// Runs a right kernel by every schedule.
template <class Body>
void run_all(LaunchShape const& shape, Body const& body) {
  for (Schedule const schedule : schedules()) {
    EmulatedDevice device{schedule};
    CHECK_NOTHROW(device.launch(shape, TestKernel<Body>{body}));
  }
}

inline constexpr LaunchShape one_block{{}, 64, some_bytes};
inline constexpr LaunchShape two_blocks{{2}, 32, some_bytes};

}  // namespace talus::kernels::block::emulation
