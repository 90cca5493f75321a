// SPDX-License-Identifier: Apache-2.0
#include "parallel/watch_mail.hpp"

#include <cstddef>
#include <utility>

#include <mpi.h>

#include "parallel/mpi_check.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {

namespace {

constexpr int tag = static_cast<int>(Tag::watch);

// A question and an order have no state.
int bytes_of(WatchMail::Letter const& letter) {
  return letter.kind == WatchMail::Kind::answer
             ? static_cast<int>(sizeof(WatchMail::Letter))
             : static_cast<int>(offsetof(WatchMail::Letter, state));
}

}  // namespace

WatchMail::WatchMail(Communicator const& comm) : comm_{comm.duplicate("watchdogs")} {}

WatchMail::~WatchMail() {
  for (Outgoing& letter : outgoing_) {
    int done = 0;
    MPI_Test(&letter.request, &done, MPI_STATUS_IGNORE);  // nobody to report a failure to
    letter.is_sent = done != 0;
  }
  std::erase_if(outgoing_, [](Outgoing const& letter) { return letter.is_sent; });
  if (!outgoing_.empty()) {
    // MPI may still read them; who they are for has ended without asking.
    static_cast<void>(new std::list<Outgoing>{std::move(outgoing_)});
  }
}

void WatchMail::forget_sent() {
  std::erase_if(outgoing_, [](Outgoing& letter) {
    int done = 0;
    mpi_check(MPI_Test(&letter.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  });
}

void WatchMail::send(int rank, Letter const& letter) {
  Outgoing& kept = outgoing_.emplace_back(Outgoing{.letter = letter});
  mpi_check(
      MPI_Isend(&kept.letter, bytes_of(letter), MPI_BYTE, rank, tag, comm_.native(), &kept.request),
      "MPI_Isend");
}

std::optional<std::pair<int, WatchMail::Letter>> WatchMail::take() {
  forget_sent();
  int there = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status{};
  mpi_check(MPI_Improbe(MPI_ANY_SOURCE, tag, comm_.native(), &there, &message, &status),
            "MPI_Improbe");
  if (there == 0) {
    return std::nullopt;
  }
  std::pair<int, Letter> come{status.MPI_SOURCE, {}};
  mpi_check(MPI_Mrecv(&come.second, sizeof(Letter), MPI_BYTE, &message, MPI_STATUS_IGNORE),
            "MPI_Mrecv");
  return come;
}

}  // namespace talus::parallel
