// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <mpi.h>

/// \file
/// Put before a program with LD_PRELOAD, in front of what counts its calls, has every rank speak to
/// every other once while the program starts: what a start must not do.
///
///   ALL_TO_ALL=collective  by an all-to-all
///   ALL_TO_ALL=messages    by a message to each

namespace {

void exchange(std::vector<int>& from, std::vector<int>& to, MPI_Comm comm) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ialltoall(from.data(), 1, MPI_INT, to.data(), 1, MPI_INT, comm, &request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
}

void send_to_each(std::vector<int>& from, std::vector<int>& to, MPI_Comm comm) {
  constexpr int tag = 7;
  std::vector<MPI_Request> requests(2 * from.size());
  for (int i = 0; i < static_cast<int>(from.size()); ++i) {
    auto const place = static_cast<std::size_t>(i);
    MPI_Irecv(&to[place], 1, MPI_INT, i, tag, comm, &requests[2 * place]);
    MPI_Isend(&from[place], 1, MPI_INT, i, tag, comm, &requests[2 * place + 1]);
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

void speak_to_everybody(std::string_view how) {
  MPI_Comm comm = MPI_COMM_NULL;
  int ranks = 0;
  PMPI_Comm_dup(MPI_COMM_WORLD, &comm);  // uncounted, so that it breaks no bound of its own
  MPI_Comm_size(comm, &ranks);
  std::vector<int> from(static_cast<std::size_t>(ranks));
  std::vector<int> to(from.size());
  if (how == "messages") {
    send_to_each(from, to, comm);
  } else {
    exchange(from, to, comm);
  }
  PMPI_Comm_free(&comm);
}

}  // namespace

extern "C" int MPI_Comm_split_type(
    MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* part) {
  static bool has_spoken = false;
  if (char const* const how = std::getenv("ALL_TO_ALL"); how != nullptr && !has_spoken) {
    has_spoken = true;
    speak_to_everybody(how);
  }
  using Function = int(MPI_Comm, int, int, MPI_Info, MPI_Comm*);
  static auto* const next = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, "MPI_Comm_split_type"));
  return next(comm, type, key, info, part);
}
