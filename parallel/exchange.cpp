// SPDX-License-Identifier: Apache-2.0
#include "parallel/exchange.hpp"

#include <algorithm>

#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {
namespace {

/// Bytes of a message: what an MPI count holds, and whole pages.
constexpr std::size_t max_message = std::size_t{1} << 30;

/// Calls visit(first, size) for each message of `size` bytes in all.
template <class Visitor>
void for_each_message(std::size_t size, Visitor const& visit) {
  for (std::size_t first = 0; first < size; first += max_message) {
    visit(first, static_cast<int>(std::min(max_message, size - first)));
  }
}

}  // namespace

void ByteExchange::run(std::span<SentBytes const> sends, std::span<ReceivedBytes const> receives) {
  constexpr int tag = static_cast<int>(Tag::device_exchange);
  WaitScope const waiting{comm_.calls().enter("exchange")};
  requests_.clear();
  for (ReceivedBytes const& block : receives) {
    for_each_message(block.size, [&](std::size_t first, int size) {
      mpi_check(MPI_Irecv(static_cast<std::byte*>(block.memory) + first,
                          size,
                          MPI_BYTE,
                          block.peer,
                          tag,
                          comm_.native(),
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Irecv");
    });
  }
  for (SentBytes const& block : sends) {
    for_each_message(block.size, [&](std::size_t first, int size) {
      mpi_check(MPI_Isend(static_cast<std::byte const*>(block.memory) + first,
                          size,
                          MPI_BYTE,
                          block.peer,
                          tag,
                          comm_.native(),
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend");
    });
  }
  wait_yielding(requests_);
}

}  // namespace talus::parallel
