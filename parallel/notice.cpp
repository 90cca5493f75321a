// SPDX-License-Identifier: Apache-2.0
#include "parallel/notice.hpp"

#include <algorithm>

#include <mpi.h>

#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

namespace {

constexpr int tag = static_cast<int>(Tag::notice);

}  // namespace

Notice::Notice(Communicator const& comm) : comm_{Communicator::duplicate(comm.native())} {
  int const here = comm_.rank();
  neighbours_.reserve(3);  // they may not move
  if (here > 0) {
    neighbours_.emplace_back().rank = (here - 1) / 2;
  }
  for (int const child : {2 * here + 1, 2 * here + 2}) {
    if (child < comm_.size()) {
      neighbours_.emplace_back().rank = child;
    }
  }
  for (Neighbour& neighbour : neighbours_) {
    listen(neighbour);
  }
}

void Notice::give() {
  is_given_ = true;
  tell_others();
}

bool Notice::look() {
  for (Neighbour& neighbour : neighbours_) {
    while (neighbour.arrival.is_pending() && neighbour.arrival.test()) {
      hear(neighbour);
    }
  }
  return is_given_;
}

bool Notice::close(std::function<void()> const& meanwhile) {
  bool const is_root = comm_.rank() == 0;
  bool has_told_parent = is_root;
  Backoff backoff;
  for (;;) {
    look();
    if (have_children_ended()) {
      if (is_root || neighbours_.front().has_ended) {
        break;
      }
      if (!has_told_parent) {
        say(neighbours_.front(), last_word());
        has_told_parent = true;
      }
    }
    meanwhile();
    backoff.pause();
  }
  end();
  return is_given_;
}

/// Tells the children that all have come, and lets go of what was said.
void Notice::end() {
  for (Neighbour& neighbour : neighbours_) {
    if (neighbour.rank > comm_.rank()) {
      say(neighbour, last_word());
    }
  }
  for (Neighbour& neighbour : neighbours_) {
    for (Request& departure : neighbour.departures) {
      departure.wait();
    }
  }
}

void Notice::listen(Neighbour& from) {
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Irecv(&from.heard, 1, MPI_BYTE, from.rank, tag, comm_.native(), &request),
            "MPI_Irecv");
  from.arrival = Request{request};
}

void Notice::say(Neighbour& to, Word word) {
  TALUS_EXPECT(to.num_said < to.said.size());
  std::size_t const place = to.num_said++;
  to.said[place] = word;
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Isend(&to.said[place], 1, MPI_BYTE, to.rank, tag, comm_.native(), &request),
            "MPI_Isend");
  to.departures[place] = Request{request};
}

void Notice::hear(Neighbour& from) {
  if (from.heard != Word::ended) {
    is_given_ = true;
    from.is_told = true;
  }
  from.has_ended = from.heard != Word::given;
  if (!from.has_ended) {
    listen(from);
  }
  tell_others();
}

void Notice::tell_others() {
  for (Neighbour& neighbour : neighbours_) {
    if (is_given_ && !neighbour.is_told) {
      neighbour.is_told = true;
      say(neighbour, Word::given);
    }
  }
}

bool Notice::have_children_ended() const {
  return std::all_of(neighbours_.begin(), neighbours_.end(), [&](Neighbour const& neighbour) {
    return neighbour.rank < comm_.rank() || neighbour.has_ended;
  });
}

}  // namespace talus::parallel
