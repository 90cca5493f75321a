// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/mpi_type.hpp"
#include "parallel/raw_collectives.hpp"
#include "parallel/request.hpp"
#include "runtime/base/assert.hpp"

/// \file
/// Collectives on spans. All of them are collective over `comm`, throw ApiError if MPI reports an
/// error and ConfigError if a count is beyond what MPI can express; while they wait, they give way
/// to other ranks on the same core. None allocates, unless it says so. Sums of floating-point
/// partial sums are not here: their order must not be MPI's to choose (tree_sum.hpp).

namespace talus::parallel {

/// What all_reduce computes.
enum class ReduceOp { sum, min, max };

/// `count` as an MPI count.
///
/// \param what  the operation, for the message
/// \throws ConfigError  if it does not fit
[[nodiscard]] int checked_count(std::size_t count, char const* what);

/// Fills `offsets` so that blocks of `counts` elements lie one behind the other; returns their sum.
///
/// \param counts   [ranks]
/// \param offsets  [ranks]
/// \throws ConfigError  if an offset is beyond an MPI count
int pack_blocks(std::span<int const> counts, std::span<int> offsets);

/// MPI's operation for `op`.
[[nodiscard]] MPI_Op native_op(ReduceOp op) noexcept;

/// Replaces each of `values` by its sum, minimum or maximum over all ranks; same size on all.
///
/// \pre floating-point values are not summed: their sum would depend on the number of ranks
template <Reducible T>
void all_reduce(Communicator const& comm, std::span<T> values, ReduceOp op) {
  TALUS_EXPECT(!std::floating_point<T> || op != ReduceOp::sum);
  raw_all_reduce(comm, values.data(), values.size(), reduced_type<T>(), native_op(op));
}

/// The sum, minimum or maximum of one value of each rank; as the function above.
template <Reducible T>
[[nodiscard]] T all_reduce(Communicator const& comm, T value, ReduceOp op) {
  all_reduce(comm, std::span<T>{&value, 1}, op);
  return value;
}

/// Copies `values` of `root` to all ranks; same size on all, which may exceed an MPI count.
template <Movable T>
void broadcast(Communicator const& comm, std::span<T> values, int root) {
  raw_broadcast(comm, values.data(), values.size(), moved_type<T>(), root);
}

/// As broadcast, but returns at once; `values` is to be left alone until the request is complete.
///
/// Progress is made by whatever waits or tests on this rank.
template <Movable T>
[[nodiscard]] Request start_broadcast(Communicator const& comm, std::span<T> values, int root) {
  return raw_start_broadcast(comm, values.data(), values.size(), moved_type<T>(), root);
}

/// Copies `bytes` of `root` to all ranks, whose vectors are resized (allocates): control messages.
void broadcast_bytes(Communicator const& comm, std::vector<std::byte>& bytes, int root);

/// Gathers equal numbers of elements of all ranks.
///
/// \param mine  [n]
/// \param all   [ranks, n]; may not overlap `mine`
template <Movable T>
void all_gather(Communicator const& comm,
                std::span<std::type_identity_t<T> const> mine,
                std::span<T> all) {
  TALUS_EXPECT(all.size() == mine.size() * static_cast<std::size_t>(comm.size()));
  raw_all_gather(comm, mine.data(), all.data(), mine.size(), moved_type<T>());
}

/// Gathers any number of elements of each rank on all ranks.
///
/// \param mine    this rank's elements, as many as blocks.counts[rank]
/// \param all     room for all blocks; may not overlap `mine`
/// \param blocks  where each rank's elements go, the same on all ranks
template <Movable T>
void all_gather_v(Communicator const& comm,
                  std::span<std::type_identity_t<T> const> mine,
                  std::span<T> all,
                  BlockLayout blocks) {
  TALUS_EXPECT(mine.size() ==
               static_cast<std::size_t>(blocks.counts[static_cast<std::size_t>(comm.rank())]));
  raw_all_gather_v(comm, mine.data(), all.data(), blocks, moved_type<T>());
}

/// Gathers bytes of any size of each rank on `root`: one vector for each rank there, none elsewhere
/// (allocates): control messages. No rank sends to or gets from more than the logarithm of their
/// number.
[[nodiscard]] std::vector<std::vector<std::byte>> gather_bytes(Communicator const& comm,
                                                               std::span<std::byte const> mine,
                                                               int root);

/// Sends block r of `send` to rank r, and receives rank r's block for this rank into block r of
/// `receive`. The counts that a rank sends are those that its peers expect.
template <Movable T>
void all_to_all_v(Communicator const& comm,
                  std::span<std::type_identity_t<T> const> send,
                  BlockLayout send_blocks,
                  std::span<T> receive,
                  BlockLayout receive_blocks) {
  raw_all_to_all_v(comm, send.data(), send_blocks, receive.data(), receive_blocks, moved_type<T>());
}

/// Sends element r of `send` to rank r, and receives one of each: [ranks] counts before
/// all_to_all_v.
template <Movable T>
void all_to_all(Communicator const& comm,
                std::span<std::type_identity_t<T> const> send,
                std::span<T> receive) {
  TALUS_EXPECT(send.size() == receive.size());
  raw_all_to_all(comm, send.data(), receive.data(), send.size(), moved_type<T>());
}

/// Returns when all ranks have called it.
void barrier(Communicator const& comm);

/// As barrier, but returns at once: the request is complete when all ranks have called it.
[[nodiscard]] Request start_barrier(Communicator const& comm);

}  // namespace talus::parallel
