// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/message.hpp"

#include <algorithm>

#include <mpi.h>

#include "parallel/mpi_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {

using parallel::mpi_check;

std::string message_of(std::exception const& error) {
  std::string text = error.what();
  if (dynamic_cast<Error const*>(&error) != nullptr) {
    text.resize(std::min(text.size(), text.rfind(" [")));
  }
  return text;
}

void throw_first(parallel::Communicator const& comm, std::string const& message) {
  int first = message.empty() ? comm.size() : comm.rank();
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm.native()),
            "MPI_Allreduce");
  if (first == comm.size()) {
    return;
  }
  std::string text = message;
  int length = static_cast<int>(text.size());
  mpi_check(MPI_Bcast(&length, 1, MPI_INT, first, comm.native()), "MPI_Bcast");
  text.resize(static_cast<std::size_t>(length));
  mpi_check(MPI_Bcast(text.data(), length, MPI_CHAR, first, comm.native()), "MPI_Bcast");
  throw ConfigError{text};
}

}  // namespace talus::io::detail
