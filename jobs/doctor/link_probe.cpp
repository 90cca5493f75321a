// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/link_probe.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <vector>

#include <mpi.h>

#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"

namespace talus::doctor {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int long_bytes = 1 << 20;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The time that hosts have to agree on: what goes into logs and traces.
double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// What the asking side says with each short message.
enum class Order : int { again, send_long, end };

struct Note {
  double order = 0.0;
  double time = 0.0;  // of the answering side
};

class Line {
 public:
  Line(parallel::Communicator const& comm, int peer) : comm_{comm.native()}, peer_{peer} {}

  void send(void const* data, int bytes) const {
    MPI_Request request = MPI_REQUEST_NULL;
    parallel::mpi_check(MPI_Isend(data, bytes, MPI_BYTE, peer_, tag, comm_, &request), "MPI_Isend");
    parallel::wait_yielding({&request, 1});
  }

  void receive(void* data, int bytes) const {
    MPI_Request request = MPI_REQUEST_NULL;
    parallel::mpi_check(MPI_Irecv(data, bytes, MPI_BYTE, peer_, tag, comm_, &request), "MPI_Irecv");
    parallel::wait_yielding({&request, 1});
  }

  /// \return  the answering side's time
  double exchange(Order order) const {
    Note note{static_cast<double>(order), 0.0};
    send(&note, sizeof note);
    receive(&note, sizeof note);
    return note.time;
  }

 private:
  static constexpr int tag = static_cast<int>(parallel::Tag::probe);
  MPI_Comm comm_;
  int peer_;
};

void measure_short(Line const& line, double seconds, ProbedLink& link) {
  static_cast<void>(line.exchange(Order::again));  // the first may have to connect
  double fastest = std::numeric_limits<double>::max();
  auto const start = Clock::now();
  do {
    double const before = wall_time();
    auto const sent = Clock::now();
    double const there = line.exchange(Order::again);
    double const trip = since(sent);
    if (trip < fastest) {
      fastest = trip;
      link.clock_offset = there - (before + trip / 2);
    }
  } while (since(start) < seconds);
  link.latency = fastest / 2;
  link.clock_error = fastest / 2;
}

void measure_long(Line const& line, double seconds, ProbedLink& link) {
  std::vector<std::byte> message(long_bytes);
  double fastest = std::numeric_limits<double>::max();
  auto const start = Clock::now();
  do {
    static_cast<void>(line.exchange(Order::send_long));
    auto const sent = Clock::now();
    line.send(message.data(), long_bytes);
    line.receive(message.data(), long_bytes);
    fastest = std::min(fastest, since(sent));
  } while (since(start) < seconds);
  link.bytes_per_second = 2.0 * long_bytes / fastest;
}

}  // namespace

ProbedLink probe(parallel::Communicator const& comm, int peer, ProbeTimes const& times) {
  Line const line{comm, peer};
  ProbedLink link;
  measure_short(line, times.latency, link);
  measure_long(line, times.bandwidth, link);
  static_cast<void>(line.exchange(Order::end));
  return link;
}

ProbedLink probe_clock(parallel::Communicator const& comm, int peer, double seconds) {
  Line const line{comm, peer};
  ProbedLink link;
  measure_short(line, seconds, link);
  static_cast<void>(line.exchange(Order::end));
  return link;
}

void answer_probe(parallel::Communicator const& comm, int peer) {
  Line const line{comm, peer};
  std::vector<std::byte> message;
  for (;;) {
    Note note;
    line.receive(&note, sizeof note);
    note.time = wall_time();
    line.send(&note, sizeof note);
    auto const order = static_cast<Order>(static_cast<int>(note.order));
    if (order == Order::end) {
      return;
    }
    if (order == Order::send_long) {
      message.resize(long_bytes);
      line.receive(message.data(), long_bytes);
      line.send(message.data(), long_bytes);
    }
  }
}

}  // namespace talus::doctor
