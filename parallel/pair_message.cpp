// SPDX-License-Identifier: Apache-2.0
#include "parallel/pair_message.hpp"

#include <cstdint>

#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {
namespace {

constexpr int tag = static_cast<int>(Tag::device_exchange);

/// Both ends name it alike.
CallGroup calls_of(Communicator const& comm, int from, int to) {
  auto const ends = static_cast<std::uint64_t>(from) << 32 | static_cast<std::uint64_t>(to);
  return comm.calls().part(ends ^ std::uint64_t{tag} << 24, concat(from, " to ", to), 2);
}

}  // namespace

void send_bytes(Communicator const& comm, int peer, std::span<std::byte const> bytes) {
  CallGroup const calls = calls_of(comm, comm.rank(), peer);
  WaitScope const waiting{calls.enter("send bytes")};
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Isend(bytes.data(),
                      static_cast<int>(bytes.size()),
                      MPI_BYTE,
                      peer,
                      tag,
                      comm.native(),
                      &request),
            "MPI_Isend");
  wait_yielding({&request, 1});
}

void receive_bytes(Communicator const& comm, int peer, std::span<std::byte> bytes) {
  CallGroup const calls = calls_of(comm, peer, comm.rank());
  WaitScope const waiting{calls.enter("receive bytes")};
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Irecv(bytes.data(),
                      static_cast<int>(bytes.size()),
                      MPI_BYTE,
                      peer,
                      tag,
                      comm.native(),
                      &request),
            "MPI_Irecv");
  wait_yielding({&request, 1});
}

}  // namespace talus::parallel
