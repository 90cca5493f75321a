// SPDX-License-Identifier: Apache-2.0
#include "parallel/mailbox.hpp"

#include <exception>
#include <utility>

#include <mpi.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/tags.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

namespace {

constexpr int tag = static_cast<int>(Tag::mail);

}  // namespace

Mailbox::Mailbox(Communicator const& comm) : comm_{comm.duplicate("answers")} {}

Mailbox::~Mailbox() {
  TALUS_EXPECT(std::uncaught_exceptions() > 0 || (outgoing_.empty() && to_self_.empty()));
}

void Mailbox::send(int to, std::vector<std::byte> message) {
  int const bytes = checked_count(message.size(), "mailbox");
  if (to == comm_.rank()) {
    to_self_.push_back(std::move(message));
    ++num_sent_;
    return;
  }
  static_cast<void>(progress());
  Letter& letter = outgoing_.emplace_back(Letter{std::move(message), Request{}});
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Isend(letter.bytes.data(), bytes, MPI_BYTE, to, tag, comm_.native(), &request),
            "MPI_Isend");
  letter.request = Request{request};
  ++num_sent_;
}

std::int64_t Mailbox::drain(Reader const& reader) {
  std::int64_t const before = num_read_;
  while (!to_self_.empty()) {
    std::vector<std::byte> message = std::move(to_self_.front());
    to_self_.pop_front();
    ++num_read_;
    reader(comm_.rank(), std::move(message));
  }
  for (;;) {
    int there = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status{};
    mpi_check(MPI_Improbe(MPI_ANY_SOURCE, tag, comm_.native(), &there, &handle, &status),
              "MPI_Improbe");
    if (there == 0) {
      return num_read_ - before;
    }
    int bytes = 0;
    mpi_check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
    std::vector<std::byte> message(static_cast<std::size_t>(bytes));
    MPI_Request request = MPI_REQUEST_NULL;
    mpi_check(MPI_Imrecv(message.data(), bytes, MPI_BYTE, &handle, &request), "MPI_Imrecv");
    Request{request}.wait();
    ++num_read_;
    reader(status.MPI_SOURCE, std::move(message));
  }
}

std::size_t Mailbox::progress() {
  while (!outgoing_.empty() && outgoing_.front().request.test()) {
    outgoing_.pop_front();
  }
  return outgoing_.size();
}

void Mailbox::close(Reader const& reader) {
  do {
    drain(reader);
    static_cast<void>(progress());
  } while (all_reduce(comm_, num_sent_ - num_read_, ReduceOp::sum) > 0);
  for (Letter& letter : outgoing_) {
    letter.request.wait();
  }
  outgoing_.clear();
}

}  // namespace talus::parallel
