// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <mpi.h>

#include "jobs/bench/scale/tally.hpp"

/// \file
/// What wrappers of MPI's functions have in common. Put before a program with LD_PRELOAD they count
/// its calls (Tally), and hand them on. (A function that is not wrapped is not counted:
/// tests/jobs/scale_test.sh compares with what Talus calls.)

namespace talus::bench {

inline void count_call(std::string_view function, MPI_Comm comm, std::int64_t bytes) {
  Tally::instance().add(function, comm, bytes);
}

inline std::int64_t bytes_of(int count, MPI_Datatype type) {
  int bytes = 0;
  PMPI_Type_size(type, &bytes);
  return std::int64_t{count} * bytes;
}

inline bool is_root(MPI_Comm comm, int root) {
  int rank = 0;
  PMPI_Comm_rank(comm, &rank);
  return rank == root;
}

}  // namespace talus::bench
