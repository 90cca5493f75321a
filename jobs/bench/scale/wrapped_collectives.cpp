// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

#include "jobs/bench/scale/wrapped.hpp"

/// \file
/// Collectives: bytes are this rank's own part.

using talus::bench::bytes_of;
using talus::bench::count_call;
using talus::bench::is_root;

extern "C" {

int MPI_Barrier(MPI_Comm comm) {
  count_call("MPI_Barrier", comm, 0);
  return PMPI_Barrier(comm);
}

int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  count_call("MPI_Ibarrier", comm, 0);
  return PMPI_Ibarrier(comm, request);
}

int MPI_Bcast(void* buffer, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  count_call("MPI_Bcast", comm, is_root(comm, root) ? bytes_of(count, type) : 0);
  return PMPI_Bcast(buffer, count, type, root, comm);
}

int MPI_Ibcast(
    void* buffer, int count, MPI_Datatype type, int root, MPI_Comm comm, MPI_Request* request) {
  count_call("MPI_Ibcast", comm, is_root(comm, root) ? bytes_of(count, type) : 0);
  return PMPI_Ibcast(buffer, count, type, root, comm, request);
}

int MPI_Allreduce(
    void const* send, void* receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  count_call("MPI_Allreduce", comm, bytes_of(count, type));
  return PMPI_Allreduce(send, receive, count, type, op, comm);
}

int MPI_Iallreduce(void const* send,
                   void* receive,
                   int count,
                   MPI_Datatype type,
                   MPI_Op op,
                   MPI_Comm comm,
                   MPI_Request* request) {
  count_call("MPI_Iallreduce", comm, bytes_of(count, type));
  return PMPI_Iallreduce(send, receive, count, type, op, comm, request);
}

int MPI_Iallgather(void const* send,
                   int send_count,
                   MPI_Datatype send_type,
                   void* receive,
                   int receive_count,
                   MPI_Datatype receive_type,
                   MPI_Comm comm,
                   MPI_Request* request) {
  count_call("MPI_Iallgather", comm, bytes_of(receive_count, receive_type));
  return PMPI_Iallgather(
      send, send_count, send_type, receive, receive_count, receive_type, comm, request);
}

int MPI_Iallgatherv(void const* send,
                    int send_count,
                    MPI_Datatype send_type,
                    void* receive,
                    int const receive_counts[],
                    int const offsets[],
                    MPI_Datatype receive_type,
                    MPI_Comm comm,
                    MPI_Request* request) {
  count_call("MPI_Iallgatherv", comm, bytes_of(send_count, send_type));
  return PMPI_Iallgatherv(
      send, send_count, send_type, receive, receive_counts, offsets, receive_type, comm, request);
}

int MPI_Ialltoall(void const* send,
                  int send_count,
                  MPI_Datatype send_type,
                  void* receive,
                  int receive_count,
                  MPI_Datatype receive_type,
                  MPI_Comm comm,
                  MPI_Request* request) {
  count_call("MPI_Ialltoall", comm, bytes_of(send_count, send_type));
  return PMPI_Ialltoall(
      send, send_count, send_type, receive, receive_count, receive_type, comm, request);
}

int MPI_Ialltoallv(void const* send,
                   int const send_counts[],
                   int const send_offsets[],
                   MPI_Datatype send_type,
                   void* receive,
                   int const receive_counts[],
                   int const receive_offsets[],
                   MPI_Datatype receive_type,
                   MPI_Comm comm,
                   MPI_Request* request) {
  count_call("MPI_Ialltoallv", comm, 0);
  return PMPI_Ialltoallv(send,
                         send_counts,
                         send_offsets,
                         send_type,
                         receive,
                         receive_counts,
                         receive_offsets,
                         receive_type,
                         comm,
                         request);
}
}
