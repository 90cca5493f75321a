// SPDX-License-Identifier: Apache-2.0
#include "parallel/mpi_session.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>

#include <mpi.h>
#include <sched.h>

#include "parallel/mpi_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

ThreadLevel level_of(int native) noexcept {
  switch (native) {
    case MPI_THREAD_MULTIPLE:
      return ThreadLevel::multiple;
    case MPI_THREAD_SERIALIZED:
      return ThreadLevel::serialized;
    case MPI_THREAD_FUNNELED:
      return ThreadLevel::funneled;
    default:
      return ThreadLevel::single;
  }
}

}  // namespace

char const* name_of(ThreadLevel level) noexcept {
  constexpr std::array<char const*, 4> names = {"single", "funneled", "serialized", "multiple"};
  return names[static_cast<std::size_t>(level)];
}

ThreadLevel granted_thread_level() {
  int native = MPI_THREAD_SINGLE;
  mpi_check(MPI_Query_thread(&native), "MPI_Query_thread");
  return level_of(native);
}

std::string library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  mpi_check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  return {text.data(), static_cast<std::size_t>(length)};
}

namespace {

// The launcher's variables, which only a session may read: MPI itself is not up yet.
void prepare_environment() {
  if (should_yield_when_idle(std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE"),
                             std::getenv("OMPI_MCA_orte_bound_at_launch"),
                             num_usable_cores())) {
    constexpr int keep_what_the_user_set = 0;
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", keep_what_the_user_set);
  }
}

}  // namespace

MpiSession::MpiSession() : exceptions_before_{std::uncaught_exceptions()} {
  int finalized = 0;
  mpi_check(MPI_Finalized(&finalized), "MPI_Finalized");
  if (finalized != 0) {
    throw ConfigError{"MPI was finalised before (a process can begin it once only)"};
  }
  int initialized = 0;
  mpi_check(MPI_Initialized(&initialized), "MPI_Initialized");
  if (initialized == 0) {
    prepare_environment();
    int provided = MPI_THREAD_SINGLE;
    mpi_check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
    owns_mpi_ = true;
  }
  thread_level_ = granted_thread_level();
}

MpiSession::~MpiSession() {
  if (owns_mpi_ && std::uncaught_exceptions() <= exceptions_before_) {
    MPI_Finalize();  // a destructor has nobody to report a failure to
  }
}

void abort_job(int exit_code) noexcept {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
  }
  std::_Exit(exit_code);
}

int num_usable_cores() noexcept {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  return sched_getaffinity(0, sizeof(usable), &usable) == 0 ? CPU_COUNT(&usable) : 1;
}

bool should_yield_when_idle(char const* local_size, char const* bound, int num_cores) noexcept {
  if (local_size == nullptr || bound != nullptr) {
    return false;
  }
  int ranks = 0;
  char const* const end = local_size + std::strlen(local_size);
  auto const [rest, error] = std::from_chars(local_size, end, ranks);
  return error == std::errc{} && rest == end && ranks > num_cores;
}

}  // namespace talus::parallel
