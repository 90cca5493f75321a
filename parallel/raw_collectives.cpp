// SPDX-License-Identifier: Apache-2.0
#include "parallel/raw_collectives.hpp"

#include <algorithm>
#include <cstring>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/spread.hpp"
#include "parallel/type_size.hpp"

namespace talus::parallel {

namespace {

// Far below 2 GiB, beyond which some network layers of some MPIs fail even where the count fits.
constexpr std::size_t largest_piece_bytes = std::size_t{1} << 28;

// Puts a rank's own part where the others' will be.
std::byte* put_own(
    void const* mine, void* all, std::size_t first, std::size_t count, MPI_Datatype type) {
  auto* const bytes = static_cast<std::byte*>(all);
  if (count > 0) {
    std::size_t const element_bytes = bytes_of(type);
    std::memcpy(bytes + first * element_bytes, mine, count * element_bytes);
  }
  return bytes;
}

void wait_for(MPI_Request request, CallTicket const& ticket) {
  WaitScope const waiting{ticket};
  wait_yielding({&request, 1});
}

}  // namespace

void raw_all_reduce(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, MPI_Op op) {
  CallTicket const ticket = comm.calls().enter("all_reduce");
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Iallreduce(MPI_IN_PLACE,
                           values,
                           checked_count(count, "all_reduce"),
                           type,
                           op,
                           comm.native(),
                           &request),
            "MPI_Iallreduce");
  wait_for(request, ticket);
}

void raw_broadcast(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, int root) {
  std::size_t const element_bytes = bytes_of(type);
  std::size_t const piece = largest_piece_bytes / element_bytes;
  auto* const bytes = static_cast<std::byte*>(values);
  for (std::size_t first = 0; first < count; first += piece) {
    std::size_t const size = std::min(piece, count - first);
    raw_start_broadcast(comm, bytes + first * element_bytes, size, type, root).wait();
  }
}

Request raw_start_broadcast(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, int root) {
  CallTicket const ticket = comm.calls().enter("broadcast");
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(
      MPI_Ibcast(values, checked_count(count, "broadcast"), type, root, comm.native(), &request),
      "MPI_Ibcast");
  return Request{request, ticket};
}

void raw_all_gather(
    Communicator const& comm, void const* mine, void* all, std::size_t count, MPI_Datatype type) {
  int const each = checked_count(count, "all_gather");
  CallTicket const ticket = comm.calls().enter("all_gather");
  if (comm.size() >= spread_ranks) {
    auto const first = static_cast<std::size_t>(comm.rank()) * count;
    spread_equal(comm, put_own(mine, all, first, count, type), count, type, ticket);
    return;
  }
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Iallgather(mine, each, type, all, each, type, comm.native(), &request),
            "MPI_Iallgather");
  wait_for(request, ticket);
}

void raw_all_gather_v(
    Communicator const& comm, void const* mine, void* all, BlockLayout blocks, MPI_Datatype type) {
  CallTicket const ticket = comm.calls().enter("all_gather_v");
  if (comm.size() >= spread_ranks && are_packed(blocks)) {
    auto const rank = static_cast<std::size_t>(comm.rank());
    auto const first = static_cast<std::size_t>(blocks.offsets[rank]);
    auto const count = static_cast<std::size_t>(blocks.counts[rank]);
    spread(comm, put_own(mine, all, first, count, type), blocks, type, ticket);
    return;
  }
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Iallgatherv(mine,
                            blocks.counts[static_cast<std::size_t>(comm.rank())],
                            type,
                            all,
                            blocks.counts.data(),
                            blocks.offsets.data(),
                            type,
                            comm.native(),
                            &request),
            "MPI_Iallgatherv");
  wait_for(request, ticket);
}

void raw_all_to_all(Communicator const& comm,
                    void const* send,
                    void* receive,
                    std::size_t count,
                    MPI_Datatype type) {
  int const each = checked_count(count / static_cast<std::size_t>(comm.size()), "all_to_all");
  CallTicket const ticket = comm.calls().enter("all_to_all");
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ialltoall(send, each, type, receive, each, type, comm.native(), &request),
            "MPI_Ialltoall");
  wait_for(request, ticket);
}

void raw_all_to_all_v(Communicator const& comm,
                      void const* send,
                      BlockLayout send_blocks,
                      void* receive,
                      BlockLayout receive_blocks,
                      MPI_Datatype type) {
  CallTicket const ticket = comm.calls().enter("all_to_all_v");
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ialltoallv(send,
                           send_blocks.counts.data(),
                           send_blocks.offsets.data(),
                           type,
                           receive,
                           receive_blocks.counts.data(),
                           receive_blocks.offsets.data(),
                           type,
                           comm.native(),
                           &request),
            "MPI_Ialltoallv");
  wait_for(request, ticket);
}

void barrier(Communicator const& comm) {
  start_barrier(comm).wait();
}

Request start_barrier(Communicator const& comm) {
  CallTicket const ticket = comm.calls().enter("barrier");
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ibarrier(comm.native(), &request), "MPI_Ibarrier");
  return Request{request, ticket};
}

}  // namespace talus::parallel
