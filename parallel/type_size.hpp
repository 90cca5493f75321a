// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <mpi.h>

#include "parallel/mpi_check.hpp"

namespace talus::parallel {

/// Bytes of an element of an MPI type.
///
/// \throws ApiError  if MPI reports an error
[[nodiscard]] inline std::size_t bytes_of(MPI_Datatype type) {
  int bytes = 0;
  mpi_check(MPI_Type_size(type, &bytes), "MPI_Type_size");
  return static_cast<std::size_t>(bytes);
}

}  // namespace talus::parallel
