// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/request.hpp"

/// \file
/// The collectives without types: what the templates of collectives.hpp call. Counts and offsets
/// are in elements of `type`; every function is collective over `comm`, and returns when this
/// rank's buffers may be used again, having given way to other ranks while it waited.

namespace talus::parallel {

/// How a buffer is cut into one block for each rank of a group, in elements.
struct BlockLayout {
  std::span<int const> counts;   ///< [ranks]
  std::span<int const> offsets;  ///< [ranks] where each block begins
};

/// An MPI reduction of `count` elements in place.
void raw_all_reduce(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, MPI_Op op);

/// A broadcast of any number of elements, in pieces that an MPI count can hold.
void raw_broadcast(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, int root);

/// Begins the broadcast of `count` elements, which an MPI count must hold.
[[nodiscard]] Request raw_start_broadcast(
    Communicator const& comm, void* values, std::size_t count, MPI_Datatype type, int root);

/// `count` elements of each rank, in the order of the ranks.
void raw_all_gather(
    Communicator const& comm, void const* mine, void* all, std::size_t count, MPI_Datatype type);

/// Any number of elements of each rank, laid out as `blocks` says.
void raw_all_gather_v(
    Communicator const& comm, void const* mine, void* all, BlockLayout blocks, MPI_Datatype type);

/// Equal blocks from each rank to each rank: `count` elements in all, a multiple of the ranks.
void raw_all_to_all(Communicator const& comm,
                    void const* send,
                    void* receive,
                    std::size_t count,
                    MPI_Datatype type);

/// One block from each rank to each rank.
void raw_all_to_all_v(Communicator const& comm,
                      void const* send,
                      BlockLayout send_blocks,
                      void* receive,
                      BlockLayout receive_blocks,
                      MPI_Datatype type);

}  // namespace talus::parallel
