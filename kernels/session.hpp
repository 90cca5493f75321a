// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kernels/exec_context.hpp"
#include "kernels/threads/cores.hpp"

namespace talus::kernels {

/// Who starts and stops Kokkos, of which a process has one, that can't be started again.
enum class KokkosUse {
  session,  ///< the session, if nobody has before: a command's
  process,  ///< it is started if nobody has, and left to the process: a library's, that may be
            ///< asked for another session
  none,     ///< nobody: the kokkos backend isn't used
};

/// The threads of a process, and the run-time library of the kokkos backend; made before any
/// buffer.
///
/// If the program around us has already started Kokkos, it is used as it is and left running.
class KernelSession {
 public:
  /// \param num_threads  threads of this rank, >= 1; 0: as many as its cores, without their further
  ///                     hardware threads
  /// Where its cores suffice for its threads, each thread of the x86 backends gets one.
  explicit KernelSession(int num_threads, CoreShare share = {}, KokkosUse use = KokkosUse::session);
  ~KernelSession();
  KernelSession(KernelSession const&) = delete;
  KernelSession& operator=(KernelSession const&) = delete;

  /// Threads that the backends use.
  [[nodiscard]] int num_threads() const noexcept;

  /// The threads of the x86 backends, for an ExecContext.
  [[nodiscard]] ThreadTeam* team() const noexcept { return team_.get(); }

  /// Version and back ends of Kokkos, for the run's record: "Kokkos 3.4.1 OpenMP".
  [[nodiscard]] static std::string description();

 private:
  bool owns_kokkos_ = false;
  std::unique_ptr<ThreadTeam> team_;
};

}  // namespace talus::kernels
