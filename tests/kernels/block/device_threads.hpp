// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace talus::kernels::block {

/// Calls run(rank) for each of some devices that wait for each other, each in a thread of its own;
/// throws what the first of those that failed has thrown.
inline void run_devices(int num_ranks, std::function<void(int rank)> const& run) {
  std::vector<std::exception_ptr> faults(static_cast<std::size_t>(num_ranks));
  std::vector<std::thread> devices;
  for (int rank = 0; rank < num_ranks; ++rank) {
    devices.emplace_back([&, rank] {
      try {
        run(rank);
      } catch (...) {
        faults[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& device : devices) {
    device.join();
  }
  for (std::exception_ptr const& fault : faults) {
    if (fault) {
      std::rethrow_exception(fault);
    }
  }
}

}  // namespace talus::kernels::block
