// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/raw_collectives.hpp"

namespace talus::parallel {

/// Ranks from which on an all-gather goes by spread: fewer tell each other directly, in one step.
inline constexpr int spread_ranks = 16;

/// True if the blocks lie one behind the other, without gaps, in the order of the ranks.
[[nodiscard]] bool are_packed(BlockLayout blocks) noexcept;

/// An all-gather in which a rank sends to few others, whatever their number: in step k it hands all
/// blocks that it has to the rank 2^k before it, and gets as many from the one 2^k behind it.
///
/// Open MPI's own nonblocking all-gathers send from each rank to each other one: at thousands of
/// ranks that is a connection for each pair. Collective over `comm`.
/// \param all     all blocks, packed; this rank's is there already
/// \param ticket  under which this rank waits
/// Cost: the logarithm of the ranks to the base of 2 steps, of one or two messages each way.
/// Reference: D. Hensgen, R. Finkel, U. Manber, Two algorithms for barrier synchronization, Int. J.
/// Parallel Programming 17, 1988 (dissemination).
void spread(Communicator const& comm,
            std::byte* all,
            BlockLayout blocks,
            MPI_Datatype type,
            CallTicket const& ticket);

/// The same for blocks of `count` elements each.
void spread_equal(Communicator const& comm,
                  std::byte* all,
                  std::size_t count,
                  MPI_Datatype type,
                  CallTicket const& ticket);

}  // namespace talus::parallel
