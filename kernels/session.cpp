// SPDX-License-Identifier: Apache-2.0
#include "kernels/session.hpp"

#include "kernels/kokkos/library.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

KernelSession::KernelSession(int num_threads) {
  if (num_threads < 0) {
    throw ConfigError{
        concat("threads: ", num_threads, " (must be at least 1, or 0 for all cores)")};
  }
  owns_ = !kokkos::is_started();
  if (owns_) {
    kokkos::start(num_threads);
  }
  num_threads_ = kokkos::num_threads();
}

KernelSession::~KernelSession() {
  if (owns_) {
    kokkos::stop();
  }
}

std::string KernelSession::description() {
  return kokkos::description();
}

}  // namespace talus::kernels
