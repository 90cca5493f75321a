// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/trace/run_info.hpp"

namespace talus::jobs {

/// "talus 0.1.0".
[[nodiscard]] std::string talus_version();

/// "0.1.0".
[[nodiscard]] std::string talus_number();

/// What this program was built with and runs on: talus, compiler, MPI, kernels.
[[nodiscard]] io::NamedTexts versions();

/// As versions(), and the MPI standard that the library follows, HDF5 and hwloc.
[[nodiscard]] io::NamedTexts all_versions();

}  // namespace talus::jobs
