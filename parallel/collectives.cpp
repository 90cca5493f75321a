// SPDX-License-Identifier: Apache-2.0
#include "parallel/collectives.hpp"

#include <climits>
#include <cstdint>
#include <numeric>

#include "runtime/base/error.hpp"

namespace talus::parallel {

int checked_count(std::size_t count, char const* what) {
  if (count > static_cast<std::size_t>(INT_MAX)) {
    throw ConfigError{
        concat(what, ": ", count, " elements (an MPI count holds at most ", INT_MAX, ")")};
  }
  return static_cast<int>(count);
}

int pack_blocks(std::span<int const> counts, std::span<int> offsets) {
  TALUS_EXPECT(counts.size() == offsets.size());
  std::size_t total = 0;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    offsets[rank] = checked_count(total, "pack_blocks");
    total += static_cast<std::size_t>(counts[rank]);
  }
  return checked_count(total, "pack_blocks");
}

MPI_Op native_op(ReduceOp op) noexcept {
  switch (op) {
    case ReduceOp::sum:
      return MPI_SUM;
    case ReduceOp::min:
      return MPI_MIN;
    case ReduceOp::max:
      return MPI_MAX;
  }
  return MPI_OP_NULL;
}

void broadcast_bytes(Communicator const& comm, std::vector<std::byte>& bytes, int root) {
  std::uint64_t size = bytes.size();
  broadcast(comm, std::span{&size, 1}, root);
  bytes.resize(size);
  broadcast(comm, std::span{bytes}, root);
}

}  // namespace talus::parallel
