// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace talus::kernels {

/// Starts the run-time library of the kokkos backend, once a process; made in main before any
/// buffer.
///
/// If the program around us has already started Kokkos, it is used as it is and left running.
class KernelSession {
 public:
  /// \param num_threads  threads of this rank, >= 1; 0: as many as the cores it may run on
  explicit KernelSession(int num_threads);
  ~KernelSession();
  KernelSession(KernelSession const&) = delete;
  KernelSession& operator=(KernelSession const&) = delete;

  /// Threads that the kokkos backend uses.
  [[nodiscard]] int num_threads() const noexcept { return num_threads_; }

  /// Version and back ends of Kokkos, for the run's record: "Kokkos 3.4.1 OpenMP".
  [[nodiscard]] static std::string description();

 private:
  bool owns_ = false;
  int num_threads_ = 1;
};

}  // namespace talus::kernels
