// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

namespace talus::parallel {

/// Parts of a job that tools for MPI programs tell apart.
///
/// Numbers are levels of MPI_Pcontrol, where those up to 2 mean the same to all tools.
enum class JobPhase : int {
  work = 3,  ///< all is ready for the first step
  end = 4,   ///< the last step is done
};

/// Tells a tool, if one listens, that a phase begins. Each rank calls it, for each phase once; MPI
/// itself does nothing then.
inline void begin_phase(JobPhase phase) noexcept {
  MPI_Pcontrol(static_cast<int>(phase));
}

}  // namespace talus::parallel
