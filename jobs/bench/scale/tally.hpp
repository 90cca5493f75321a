// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <mpi.h>

#include "jobs/bench/scale/memory_use.hpp"

namespace talus::bench {

/// What a process asked of MPI, by phase, function and size of the communicator. One a process: it
/// is what the wrappers of MPI's functions have in common, which have no other place for it.
///
/// A phase ends where all processes call MPI_Pcontrol with a level of 3 or more
/// (parallel/job_phase.hpp), and with MPI_Finalize. Then memory is looked at, between two barriers,
/// which are not counted.
class Tally {
 public:
  static Tally& instance();

  /// Adds a call. By any thread.
  ///
  /// \param bytes  that this rank gives to others: of a message or its part of a collective
  void add(std::string_view function, MPI_Comm comm, std::int64_t bytes);

  /// MPI is there. Collective over all processes.
  ///
  /// \param began  before it was
  void begin(std::chrono::steady_clock::time_point began);

  /// Ends a phase. Collective.
  void next_phase();

  /// Ends the last phase, and has rank 0 write what all have counted to the file TALUS_MPI_COUNTS,
  /// a JSON object a line for each rank and phase. Collective.
  void finish();

 private:
  struct Key {
    std::string function;
    int size = 0;  ///< of the communicator

    auto operator<=>(Key const&) const = default;
  };

  struct Count {
    std::int64_t calls = 0;
    std::int64_t bytes = 0;
  };

  [[nodiscard]] std::string line_of_phase(MemoryUse const& memory) const;
  void write(std::string const& text) const;

  std::mutex mutex_;
  std::map<Key, Count> counts_;  ///< of this phase
  std::string lines_;            ///< of the phases before
  std::size_t phase_ = 0;
  MPI_Comm own_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace talus::bench
