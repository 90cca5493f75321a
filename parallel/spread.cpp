// SPDX-License-Identifier: Apache-2.0
#include "parallel/spread.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"
#include "parallel/type_size.hpp"

namespace talus::parallel {

namespace {

constexpr int tag = static_cast<int>(Tag::spread);

// Blocks [first, last).
struct Run {
  int first;
  int last;
};

// `count` blocks from `first` on, where the first follows the last: one run or two.
std::array<Run, 2> runs_from(int first, int count, int ranks) {
  int const last = std::min(first + count, ranks);
  return {{{first, last}, {0, first + count - last}}};
}

// The requests of one step.
class Step {
 public:
  Step(Communicator const& comm, std::byte* all, MPI_Datatype type)
      : comm_{&comm}, all_{all}, type_{type}, element_bytes_{bytes_of(type)} {}

  // Elements [first, last) from a rank. None: no message, which both ends know.
  void receive(std::size_t first, std::size_t last, int from) {
    if (first < last) {
      mpi_check(MPI_Irecv(all_ + first * element_bytes_,
                          checked_count(last - first, "all_gather"),
                          type_,
                          from,
                          tag,
                          comm_->native(),
                          &requests_[num_requests_++]),
                "MPI_Irecv");
    }
  }

  void send(std::size_t first, std::size_t last, int to) {
    if (first < last) {
      mpi_check(MPI_Isend(all_ + first * element_bytes_,
                          checked_count(last - first, "all_gather"),
                          type_,
                          to,
                          tag,
                          comm_->native(),
                          &requests_[num_requests_++]),
                "MPI_Isend");
    }
  }

  void wait() {
    wait_yielding(std::span{requests_}.first(num_requests_));
    num_requests_ = 0;
  }

 private:
  Communicator const* comm_;
  std::byte* all_;
  MPI_Datatype type_;
  std::size_t element_bytes_;
  std::array<MPI_Request, 4> requests_{};
  std::size_t num_requests_ = 0;
};

// \param begin_of  the first element of a block; also of the one behind the last
template <class Begin>
void spread_blocks(Communicator const& comm,
                   Step step,
                   Begin const& begin_of,
                   CallTicket const& ticket) {
  WaitScope const waiting{ticket};
  int const ranks = comm.size();
  int const here = comm.rank();
  for (int have = 1; have < ranks; have *= 2) {
    int const count = std::min(have, ranks - have);
    int const behind = (here + have) % ranks;
    int const before = (here + ranks - have) % ranks;
    for (Run const run : runs_from(behind, count, ranks)) {
      step.receive(begin_of(run.first), begin_of(run.last), behind);
    }
    for (Run const run : runs_from(here, count, ranks)) {
      step.send(begin_of(run.first), begin_of(run.last), before);
    }
    step.wait();
  }
}

}  // namespace

bool are_packed(BlockLayout blocks) noexcept {
  int end = 0;
  for (std::size_t rank = 0; rank < blocks.counts.size(); ++rank) {
    if (blocks.offsets[rank] != end) {
      return false;
    }
    end += blocks.counts[rank];
  }
  return true;
}

void spread(Communicator const& comm,
            std::byte* all,
            BlockLayout blocks,
            MPI_Datatype type,
            CallTicket const& ticket) {
  auto const begin_of = [&](int rank) {
    auto const place = static_cast<std::size_t>(rank);
    int const begin = place < blocks.offsets.size() ? blocks.offsets[place]
                                                    : blocks.offsets.back() + blocks.counts.back();
    return static_cast<std::size_t>(begin);
  };
  spread_blocks(comm, Step{comm, all, type}, begin_of, ticket);
}

void spread_equal(Communicator const& comm,
                  std::byte* all,
                  std::size_t count,
                  MPI_Datatype type,
                  CallTicket const& ticket) {
  auto const begin_of = [&](int rank) { return static_cast<std::size_t>(rank) * count; };
  spread_blocks(comm, Step{comm, all, type}, begin_of, ticket);
}

}  // namespace talus::parallel
