// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jobs/doctor/report.hpp"
#include "parallel/launcher.hpp"

namespace talus::doctor {

/// What tells of MPI's transport.
struct TransportSources {
  std::string library;                         ///< as MPI_Get_library_version tells it
  std::vector<std::string> control_variables;  ///< of MPI_T, the names of those that are there now
  parallel::LaunchSource environment;
};

/// This process's. MPI is initialised.
[[nodiscard]] TransportSources transport_sources();

/// What can be told of how MPI moves messages, as far as it can; "unknown" if nothing can.
///
/// Open MPI keeps the control variables of the components that it chose, and removes those of the
/// others: its point-to-point layer (pml), and where that is ob1 its byte movers (btl) or where it
/// is cm its matching layers (mtl) are seen so. MPICH's device is a part of its build, and in its
/// version; what libfabric and UCX were told to use is in the environment.
[[nodiscard]] std::vector<TransportFact> describe_transport(TransportSources const& sources);

}  // namespace talus::doctor
