// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

#include "jobs/bench/scale/wrapped.hpp"

/// \file
/// Messages, where they are sent.

using talus::bench::bytes_of;
using talus::bench::count_call;

extern "C" {

int MPI_Send(void const* buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
  count_call("MPI_Send", comm, bytes_of(count, type));
  return PMPI_Send(buffer, count, type, to, tag, comm);
}

int MPI_Isend(void const* buffer,
              int count,
              MPI_Datatype type,
              int to,
              int tag,
              MPI_Comm comm,
              MPI_Request* request) {
  count_call("MPI_Isend", comm, bytes_of(count, type));
  return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int MPI_Issend(void const* buffer,
               int count,
               MPI_Datatype type,
               int to,
               int tag,
               MPI_Comm comm,
               MPI_Request* request) {
  count_call("MPI_Issend", comm, bytes_of(count, type));
  return PMPI_Issend(buffer, count, type, to, tag, comm, request);
}

int MPI_Sendrecv(void const* send,
                 int send_count,
                 MPI_Datatype send_type,
                 int to,
                 int send_tag,
                 void* receive,
                 int receive_count,
                 MPI_Datatype receive_type,
                 int from,
                 int receive_tag,
                 MPI_Comm comm,
                 MPI_Status* status) {
  count_call("MPI_Sendrecv", comm, bytes_of(send_count, send_type));
  return PMPI_Sendrecv(send,
                       send_count,
                       send_type,
                       to,
                       send_tag,
                       receive,
                       receive_count,
                       receive_type,
                       from,
                       receive_tag,
                       comm,
                       status);
}
}
