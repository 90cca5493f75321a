// SPDX-License-Identifier: Apache-2.0
#include "kernels/kokkos/library.hpp"

#include <sstream>

#include <Kokkos_Core.hpp>
#include <sched.h>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace talus::kernels::kokkos {
namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// Cores that this process may run on: a launcher has often bound it to a few.
int num_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return 1;
  }
  return CPU_COUNT(&cores);
}

}  // namespace

bool is_started() noexcept {
  return Kokkos::is_initialized();
}

void start(int num_threads) {
  int const threads = num_threads > 0 ? num_threads : num_cores();
#ifdef _OPENMP
  int const threads_of_program = omp_get_max_threads();  // Kokkos sets it for all of the process
#endif
#if KOKKOS_VERSION >= 30700
  Kokkos::initialize(
      Kokkos::InitializationSettings{}.set_num_threads(threads).set_disable_warnings(true));
#else
  Kokkos::InitArguments arguments;
  arguments.num_threads = threads;
  arguments.disable_warnings = true;
  Kokkos::initialize(arguments);
#endif
#ifdef _OPENMP
  omp_set_num_threads(threads_of_program);
#endif
}

void stop() noexcept {
  Kokkos::finalize();
}

int num_threads() {
  return Host{}.concurrency();
}

std::string description() {
  std::ostringstream out;
  out << "Kokkos " << KOKKOS_VERSION / 10000 << '.' << KOKKOS_VERSION / 100 % 100 << '.'
      << KOKKOS_VERSION % 100 << ' ' << Host::name();
  return std::move(out).str();
}

}  // namespace talus::kernels::kokkos
