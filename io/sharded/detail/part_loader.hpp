// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/checkpoint/load_report.hpp"
#include "io/files/file_reader.hpp"
#include "io/sharded/detail/read_ahead.hpp"
#include "parallel/communicator.hpp"
#include "parallel/request.hpp"

namespace talus::io::detail {

/// Carries out the reads of a file on the ranks of a group, each read on one of them in turn, which
/// broadcasts the bytes.
///
/// A rank that met an error goes on with broadcasts, of bytes that mean nothing, so that no other
/// waits for it.
class PartLoader {
 public:
  /// Keeps references. Collective over `comm`, with the same reads on all ranks.
  PartLoader(parallel::Communicator const& comm,
             files::FileReader const& file,
             std::vector<PackedRead> const& reads,
             std::function<void()> const& interrupt);

  /// Collective.
  void run();

  /// What went wrong on this rank.
  [[nodiscard]] std::optional<std::string> const& failure() const noexcept { return failure_; }

  /// Bytes and times of this rank, but for the total.
  [[nodiscard]] LoadCounts const& counts() const noexcept { return counts_; }

 private:
  struct Flight {
    PackedRead const* read = nullptr;
    ReadBytes room;
    parallel::Request request;
  };

  [[nodiscard]] bool is_mine(std::size_t index) const;
  [[nodiscard]] std::vector<PackedRead const*> my_reads() const;
  [[nodiscard]] ReadBytes read_mine(ReadAhead& ahead, PackedRead const& read);
  [[nodiscard]] ReadBytes wait_for(ReadAhead& ahead);
  void verify(PackedRead const& read, ReadBytes const& room);
  void send(Flight flight, int root);
  void land_first();
  void give_in_to_interrupt();
  void fail(std::string const& what);

  parallel::Communicator const* comm_;
  files::FileReader const* file_;
  std::vector<PackedRead> const* reads_;
  std::function<void()> const* interrupt_;  ///< LoadOptions::interrupt
  std::deque<Flight> flights_;
  std::int64_t buffer_bytes_ = 0;  // of the flights
  LoadCounts counts_;
  std::optional<std::string> failure_;
};

}  // namespace talus::io::detail
