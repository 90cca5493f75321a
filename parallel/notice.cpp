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

Notice::Notice(Communicator const& comm) : comm_{comm.duplicate("notice")} {
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
  WaitScope const waiting{comm_.calls().enter("end of notice")};
  auto const wait_for = [&](bool Neighbour::*state, std::span<Neighbour> whom) {
    auto const is_there = [&](Neighbour const& neighbour) { return neighbour.*state; };
    Backoff backoff;
    for (look(); !std::all_of(whom.begin(), whom.end(), is_there); look()) {
      meanwhile();
      backoff.pause();
    }
  };
  wait_for(&Neighbour::has_arrived, children());
  if (is_root()) {
    was_given_in_time_ = is_given_;
  } else {
    say(neighbours_.front(), Word::arrived);
    wait_for(&Neighbour::has_ended, std::span{neighbours_}.first(1));
  }
  have_all_come_ = true;
  for (Neighbour& child : children()) {
    say(child, was_given_in_time_ ? Word::ended_and_given : Word::ended);
  }
  wait_for(&Neighbour::has_ended, children());
  if (!is_root()) {
    say(neighbours_.front(), Word::leaving);
  }
  for (Neighbour& neighbour : neighbours_) {
    for (Request& departure : neighbour.departures) {
      departure.wait();
    }
  }
  return was_given_in_time_;
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
  switch (from.heard) {
    case Word::given:
      is_given_ = true;
      from.is_told = true;
      tell_others();
      break;
    case Word::arrived:
      from.has_arrived = true;
      break;
    case Word::ended:
    case Word::ended_and_given:
      was_given_in_time_ = from.heard == Word::ended_and_given;
      from.has_ended = true;
      break;
    case Word::leaving:
      from.has_ended = true;
      break;
  }
  if (!from.has_ended) {
    listen(from);
  }
}

void Notice::tell_others() {
  for (Neighbour& neighbour : neighbours_) {
    if (!neighbour.is_told && !have_all_come_) {
      neighbour.is_told = true;
      say(neighbour, Word::given);
    }
  }
}

std::span<Notice::Neighbour> Notice::children() {
  return std::span{neighbours_}.subspan(is_root() ? 0 : 1);
}

}  // namespace talus::parallel
