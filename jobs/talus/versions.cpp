// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/versions.hpp"

#include <mpi.h>

#include "io/trace/hdf5_version.hpp"
#include "jobs/bench/machine_limits.hpp"
#include "kernels/session.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

std::string mpi_library() {
  std::string const name = parallel::library_version();
  return name.substr(0, name.find_first_of(",\n"));
}

}  // namespace

std::string talus_version() {
  return "talus " TALUS_VERSION;
}

std::string talus_number() {
  return TALUS_VERSION;
}

io::NamedTexts versions() {
  return {{"talus", TALUS_VERSION},
          {"compiler", __VERSION__},
          {"mpi", mpi_library()},
          {"processor", bench::processor_name()},
          {"kernels", kernels::KernelSession::description()}};
}

io::NamedTexts all_versions() {
  int version = 0;
  int subversion = 0;
  MPI_Get_version(&version, &subversion);
  io::NamedTexts texts = versions();
  texts.emplace_back("mpi_standard", concat(version, '.', subversion));
  texts.emplace_back("hdf5", io::hdf5_version());
  texts.emplace_back("hwloc", parallel::topology_library());
  return texts;
}

}  // namespace talus::jobs
