// SPDX-License-Identifier: Apache-2.0
#include "parallel/channel.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/pair_calls.hpp"
#include "parallel/progress.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t num_slots(ChannelOptions const& options) {
  TALUS_EXPECT(options.num_slots >= 1);
  static_cast<void>(checked_count(options.max_elements, "channel"));
  return static_cast<std::size_t>(options.num_slots);
}

}  // namespace

Sender::Sender(Communicator const& comm, ChannelOptions const& options)
    : comm_{comm.native()},
      calls_{pair_calls(comm, options.tag, comm.rank(), options.peer)},
      options_{options},
      slots_(num_slots(options) * options.max_elements),
      requests_(num_slots(options), MPI_REQUEST_NULL) {}

Sender::~Sender() {
  auto const has_left = [](MPI_Request request) { return request == MPI_REQUEST_NULL; };
  static_cast<void>(has_left);  // contracts may be off
  TALUS_EXPECT(std::uncaught_exceptions() > 0 ||
               std::all_of(requests_.begin(), requests_.end(), has_left));
}

double Sender::send(std::span<float const> values) {
  auto const start = Clock::now();
  std::span<float> const slot = next_slot(values.size());
  double const waited = seconds_since(start);
  std::copy(values.begin(), values.end(), slot.begin());
  send_slot(values.size());
  return waited;
}

std::span<float> Sender::next_slot(std::size_t num_elements) {
  TALUS_EXPECT(num_elements <= options_.max_elements);
  if (requests_[next_] != MPI_REQUEST_NULL) {
    std::uint64_t const since = calls_.count() + 1 - requests_.size();
    WaitScope const waiting{calls_.expect("send to stage", since)};
    wait_yielding({&requests_[next_], 1});
  }
  return {slots_.data() + next_ * options_.max_elements, num_elements};
}

void Sender::send_slot(std::size_t num_elements) {
  TALUS_EXPECT(requests_[next_] == MPI_REQUEST_NULL);
  mpi_check(MPI_Isend(slots_.data() + next_ * options_.max_elements,
                      static_cast<int>(num_elements),
                      MPI_FLOAT,
                      options_.peer,
                      static_cast<int>(options_.tag),
                      comm_,
                      &requests_[next_]),
            "MPI_Isend");
  calls_.count_up();
  next_ = (next_ + 1) % requests_.size();
}

void Sender::finish() {
  WaitScope const waiting{calls_.expect("send to stage", calls_.count())};
  wait_yielding(requests_);
}

Receiver::Receiver(Communicator const& comm, ChannelOptions const& options)
    : comm_{comm.native()},
      calls_{pair_calls(comm, options.tag, options.peer, comm.rank())},
      options_{options},
      slots_(num_slots(options) * options.max_elements),
      requests_(num_slots(options), MPI_REQUEST_NULL) {
  for (std::size_t slot = 0; slot < requests_.size(); ++slot) {
    post(slot);
  }
}

Receiver::~Receiver() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) {
    return;
  }
  for (MPI_Request& request : requests_) {
    if (request != MPI_REQUEST_NULL) {
      MPI_Cancel(&request);
      MPI_Wait(&request, MPI_STATUS_IGNORE);  // a cancelled receive ends at once
    }
  }
}

double Receiver::receive(std::span<float> values) {
  auto const start = Clock::now();
  MPI_Status status{};
  WaitScope const waiting{calls_.expect("receive from stage", calls_.count() + 1)};
  Backoff backoff;
  for (int done = 0; done == 0;) {
    mpi_check(MPI_Test(&requests_[next_], &done, &status), "MPI_Test");
    if (done == 0) {
      backoff.pause();
    }
  }
  double const waited = seconds_since(start);
  check_arrived(status, values.size());
  std::copy_n(slots_.data() + next_ * options_.max_elements, values.size(), values.data());
  post(next_);
  calls_.count_up();
  next_ = (next_ + 1) % requests_.size();
  return waited;
}

bool Receiver::is_ready() {
  int done = 0;
  mpi_check(MPI_Request_get_status(requests_[next_], &done, MPI_STATUS_IGNORE),
            "MPI_Request_get_status");
  return done != 0;
}

void Receiver::post(std::size_t slot) {
  mpi_check(MPI_Irecv(slots_.data() + slot * options_.max_elements,
                      static_cast<int>(options_.max_elements),
                      MPI_FLOAT,
                      options_.peer,
                      static_cast<int>(options_.tag),
                      comm_,
                      &requests_[slot]),
            "MPI_Irecv");
}

void Receiver::check_arrived(MPI_Status const& status, std::size_t expected) const {
  int count = 0;
  mpi_check(MPI_Get_count(&status, MPI_FLOAT, &count), "MPI_Get_count");
  if (static_cast<std::size_t>(count) != expected) {
    throw Error{concat("channel: a message of ",
                       count,
                       " elements from rank ",
                       options_.peer,
                       " (",
                       expected,
                       " were expected)")};
  }
}

}  // namespace talus::parallel
