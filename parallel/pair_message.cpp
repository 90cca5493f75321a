// SPDX-License-Identifier: Apache-2.0
#include "parallel/pair_message.hpp"

#include "parallel/mpi_check.hpp"
#include "parallel/pair_calls.hpp"
#include "parallel/progress.hpp"

namespace talus::parallel {
namespace {

/// A message of the pair, which `begin` begins, until it is there.
template <class Begin>
void exchange(Communicator const& comm, char const* what, int from, int to, Begin const& begin) {
  CallGroup const calls = pair_calls(comm, Tag::device_exchange, from, to);
  WaitScope const waiting{calls.enter(what)};
  MPI_Request request = MPI_REQUEST_NULL;
  begin(static_cast<int>(Tag::device_exchange), &request);
  wait_yielding({&request, 1});
}

}  // namespace

void send_bytes(Communicator const& comm, int peer, std::span<std::byte const> bytes) {
  exchange(comm, "send bytes", comm.rank(), peer, [&](int tag, MPI_Request* request) {
    auto const count = static_cast<int>(bytes.size());
    mpi_check(MPI_Isend(bytes.data(), count, MPI_BYTE, peer, tag, comm.native(), request),
              "MPI_Isend");
  });
}

void receive_bytes(Communicator const& comm, int peer, std::span<std::byte> bytes) {
  exchange(comm, "receive bytes", peer, comm.rank(), [&](int tag, MPI_Request* request) {
    auto const count = static_cast<int>(bytes.size());
    mpi_check(MPI_Irecv(bytes.data(), count, MPI_BYTE, peer, tag, comm.native(), request),
              "MPI_Irecv");
  });
}

}  // namespace talus::parallel
