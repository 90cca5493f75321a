// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/request.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {

namespace {

constexpr int tag = static_cast<int>(Tag::gather);
constexpr int size_tag = static_cast<int>(Tag::gather_size);

using Bytes = std::vector<std::byte>;

// Appends a part with its size before it.
void append(Bytes& parts, std::span<std::byte const> part) {
  std::uint64_t const size = part.size();
  std::size_t const end = parts.size();
  parts.resize(end + sizeof(size) + part.size());
  std::memcpy(parts.data() + end, &size, sizeof(size));
  std::copy(
      part.begin(), part.end(), parts.begin() + static_cast<std::ptrdiff_t>(end + sizeof(size)));
}

std::vector<Bytes> split(std::span<std::byte const> parts) {
  std::vector<Bytes> all;
  while (!parts.empty()) {
    std::uint64_t size = 0;
    std::memcpy(&size, parts.data(), sizeof(size));
    auto const part = parts.subspan(sizeof(size), size);
    all.emplace_back(part.begin(), part.end());
    parts = parts.subspan(sizeof(size) + size);
  }
  return all;
}

// A receiver doesn't know the size: it comes first.
void send(Communicator const& comm, Bytes const& bytes, int to) {
  std::uint64_t const size = bytes.size();
  MPI_Request native = MPI_REQUEST_NULL;
  mpi_check(MPI_Isend(&size, 1, MPI_UINT64_T, to, size_tag, comm.native(), &native), "MPI_Isend");
  Request first{native};
  int const count = checked_count(bytes.size(), "gather_bytes");
  mpi_check(MPI_Isend(bytes.data(), count, MPI_BYTE, to, tag, comm.native(), &native), "MPI_Isend");
  Request second{native};
  first.wait();
  second.wait();
}

void receive_behind(Communicator const& comm, Bytes& bytes, int from) {
  std::uint64_t size = 0;
  MPI_Request native = MPI_REQUEST_NULL;
  mpi_check(MPI_Irecv(&size, 1, MPI_UINT64_T, from, size_tag, comm.native(), &native), "MPI_Irecv");
  Request{native}.wait();
  std::size_t const end = bytes.size();
  bytes.resize(end + size);
  int const count = checked_count(size, "gather_bytes");
  mpi_check(MPI_Irecv(bytes.data() + end, count, MPI_BYTE, from, tag, comm.native(), &native),
            "MPI_Irecv");
  Request{native}.wait();
}

}  // namespace

// Along a binomial tree: what a rank has of its subtree are neighbours, the root counted as rank 0.
std::vector<Bytes> gather_bytes(Communicator const& comm,
                                std::span<std::byte const> mine,
                                int root) {
  WaitScope const waiting{comm.calls().enter("gather_bytes")};
  int const ranks = comm.size();
  int const place = (comm.rank() + ranks - root) % ranks;
  auto const rank_at = [&](int other) { return (other + root) % ranks; };
  Bytes parts;
  append(parts, mine);
  for (int distance = 1; distance < ranks; distance *= 2) {
    if ((place & distance) != 0) {
      send(comm, parts, rank_at(place - distance));
      return {};
    }
    if (place + distance < ranks) {
      receive_behind(comm, parts, rank_at(place + distance));
    }
  }
  std::vector<Bytes> all = split(parts);
  std::rotate(all.begin(), all.end() - root, all.end());
  return all;
}

}  // namespace talus::parallel
