// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace talus::parallel {

/// What MPI allows threads of one process to do, weakest first.
enum class ThreadLevel { single, funneled, serialized, multiple };

/// "single", "funneled", "serialized", "multiple".
[[nodiscard]] char const* name_of(ThreadLevel level) noexcept;

/// What MPI granted to this process.
///
/// \pre  MPI is initialised
/// \throws ApiError  if MPI reports an error
[[nodiscard]] ThreadLevel granted_thread_level();

/// What the MPI library says of itself, as MPI_Get_library_version tells it; may have many lines.
///
/// \throws ApiError  if MPI reports an error
[[nodiscard]] std::string library_version();

/// MPI, from its initialisation to its end. Made in main, before anything else that talks to MPI.
///
/// Asks for MPI_THREAD_MULTIPLE. Where more ranks than cores are on the node, waiting ranks are
/// made to yield inside of MPI's own blocking calls too (Open MPI; a setting of the user's stays).
/// If MPI was initialised before, it is left alone, at both ends.
class MpiSession {
 public:
  /// Collective over all processes of the job.
  ///
  /// \throws ApiError     if MPI cannot be initialised
  /// \throws ConfigError  if it was already finalised
  MpiSession();

  MpiSession(MpiSession const&) = delete;
  MpiSession& operator=(MpiSession const&) = delete;

  /// Ends MPI if this session began it. Collective over all processes of the job, unless an
  /// exception is on its way: then MPI is left as it is, because the others may never come; main
  /// says why and calls abort_job().
  ~MpiSession();

  /// What MPI granted.
  [[nodiscard]] ThreadLevel thread_level() const noexcept { return thread_level_; }

  /// True if this session initialised MPI, and will finalise it.
  [[nodiscard]] bool owns_mpi() const noexcept { return owns_mpi_; }

 private:
  ThreadLevel thread_level_ = ThreadLevel::single;
  bool owns_mpi_ = false;
  int exceptions_before_ = 0;
};

/// Ends all processes of the job with `exit_code`; what main calls when an error escaped.
[[noreturn]] void abort_job(int exit_code) noexcept;

/// The cores that this process may run on.
[[nodiscard]] int num_usable_cores() noexcept;

/// Whether waiting ranks should yield: more ranks on the node than cores for them.
///
/// \param local_size  ranks on the node as the launcher tells it in the environment; null if it
/// does not \param bound       not null if the launcher gave each rank cores of its own \param
/// num_cores   cores that this process may run on
[[nodiscard]] bool should_yield_when_idle(char const* local_size,
                                          char const* bound,
                                          int num_cores) noexcept;

}  // namespace talus::parallel
