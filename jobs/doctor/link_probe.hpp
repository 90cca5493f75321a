// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/communicator.hpp"

namespace talus::doctor {

/// What two ranks find out about the way between them.
struct ProbedLink {
  double latency = 0.0;           ///< seconds, half of the fastest round trip
  double bytes_per_second = 0.0;  ///< one way
  double clock_offset = 0.0;      ///< seconds, the peer's time less this rank's
  double clock_error = 0.0;       ///< seconds; half of the fastest round trip
};

/// Bounds of a measurement, in seconds.
struct ProbeTimes {
  double latency = 0.01;    ///< spent on short messages
  double bandwidth = 0.03;  ///< spent on long ones
};

/// Measures the way to `peer`, which calls answer_probe() with this rank. At least one message of
/// each kind goes to and fro, however long that takes.
///
/// The clock's offset is Cristian's: the peer's time, read between this rank's two, is as likely as
/// not in their middle. Reference: F. Cristian, Probabilistic clock synchronization, Distributed
/// Computing 3 (1989).
[[nodiscard]] ProbedLink probe(parallel::Communicator const& comm,
                               int peer,
                               ProbeTimes const& times = {});

/// As probe(), with short messages only.
[[nodiscard]] ProbedLink probe_clock(parallel::Communicator const& comm,
                                     int peer,
                                     double seconds = 0.005);

/// The other end of probe() or probe_clock().
void answer_probe(parallel::Communicator const& comm, int peer);

}  // namespace talus::doctor
