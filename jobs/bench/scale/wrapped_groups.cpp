// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <mpi.h>

#include "jobs/bench/scale/wrapped.hpp"

/// \file
/// The program's life, communicators, and windows. What makes a communicator is counted by the size
/// of the one that it is made from, or by its own if the others hear nothing of it.

using talus::bench::count_call;
using talus::bench::Tally;

namespace {

int begin(int code, std::chrono::steady_clock::time_point began) {
  if (code == MPI_SUCCESS) {
    Tally::instance().begin(began);
  }
  return code;
}

// Levels below have a meaning of their own.
constexpr int first_phase_level = 3;

}  // namespace

extern "C" {

int MPI_Init(int* argc, char*** argv) {
  auto const began = std::chrono::steady_clock::now();
  return begin(PMPI_Init(argc, argv), began);
}

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  auto const began = std::chrono::steady_clock::now();
  return begin(PMPI_Init_thread(argc, argv, required, provided), began);
}

int MPI_Finalize() {
  Tally::instance().finish();
  return PMPI_Finalize();
}

int MPI_Pcontrol(int const level, ...) {
  if (level >= first_phase_level) {
    Tally::instance().next_phase();
  }
  return MPI_SUCCESS;
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* made) {
  count_call("MPI_Comm_dup", comm, 0);
  return PMPI_Comm_dup(comm, made);
}

int MPI_Comm_create(MPI_Comm comm, MPI_Group group, MPI_Comm* made) {
  count_call("MPI_Comm_create", comm, 0);
  return PMPI_Comm_create(comm, group, made);
}

int MPI_Comm_create_group(MPI_Comm comm, MPI_Group group, int tag, MPI_Comm* made) {
  int const code = PMPI_Comm_create_group(comm, group, tag, made);
  if (code == MPI_SUCCESS && *made != MPI_COMM_NULL) {
    count_call("MPI_Comm_create_group", *made, 0);
  }
  return code;
}

int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* made) {
  count_call("MPI_Comm_split", comm, 0);
  return PMPI_Comm_split(comm, color, key, made);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* made) {
  count_call("MPI_Comm_split_type", comm, 0);
  return PMPI_Comm_split_type(comm, type, key, info, made);
}

int MPI_Win_allocate(
    MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void* memory, MPI_Win* window) {
  count_call("MPI_Win_allocate", comm, bytes);
  return PMPI_Win_allocate(bytes, unit, info, comm, memory, window);
}

int MPI_Win_allocate_shared(
    MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void* memory, MPI_Win* window) {
  count_call("MPI_Win_allocate_shared", comm, bytes);
  return PMPI_Win_allocate_shared(bytes, unit, info, comm, memory, window);
}

int MPI_Fetch_and_op(void const* value,
                     void* before,
                     MPI_Datatype type,
                     int target,
                     MPI_Aint place,
                     MPI_Op op,
                     MPI_Win window) {
  count_call("MPI_Fetch_and_op", MPI_COMM_WORLD, talus::bench::bytes_of(1, type));
  return PMPI_Fetch_and_op(value, before, type, target, place, op, window);
}
}
