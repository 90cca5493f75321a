// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <mpi.h>

#include "io/checkpoint/detail/arena.hpp"
#include "io/checkpoint/detail/read_plan.hpp"
#include "io/checkpoint/detail/sink_table.hpp"
#include "io/checkpoint/detail/unit_reader.hpp"
#include "parallel/progress.hpp"

namespace talus::io::detail {

/// Carries this rank's tasks out: reads, sends, receives, forwards, and hands pieces to the sinks.
///
/// Tasks are begun in the order of their ids, each when there is memory for it, and end in any
/// order; several are under way, so that the next read overlaps with earlier sends. No deadlock: of
/// all unfinished tasks of the job, the one with the lowest id has all its ranks' memory and
/// attention.
///
/// After an error a rank goes on with messages without content, which tell the receivers to do the
/// same: so all come to the end soon, where they agree on the error.
class Pipeline {
 public:
  /// What a pipeline works with; all outlive it. Messages use tags of `comm` from 0 on.
  struct Input {
    parallel::Communicator const& comm;
    Checkpoint const& checkpoint;
    SinkTable const& sinks;
    Arena& arena;
    std::function<void()> const& interrupt;  ///< LoadOptions::interrupt
  };

  explicit Pipeline(Input const& input);

  /// Collective over the communicator: each rank with its own tasks of the same plan.
  ///
  /// \throws ApiError  if MPI reports an error
  void run(std::span<Task const> tasks);

  /// What went wrong on this rank; nothing if only other ranks met errors.
  [[nodiscard]] std::optional<std::string> const& failure() const noexcept { return failure_; }

  /// Bytes and times of this rank, but for the total and the peak.
  [[nodiscard]] LoadCounts const& counts() const noexcept { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;

  // A receive or sends under way, and the memory that they need.
  struct Operation {
    Task const* task = nullptr;
    bool is_receive = false;  // what is awaited is the message itself
    int num_pending = 0;      // requests
    std::optional<Arena::Buffer> message;
    std::shared_ptr<Arena::Buffer> unit;  // shared by the sends of its groups: freed after the last
  };

  using OperationRef = std::list<Operation>::iterator;

  void begin_read(Task const& task, Task const* next);
  void begin_receive(Task const& task);
  void read_and_check(Unit const& unit, std::span<std::byte> bytes);
  void send_group(Task const& task, Group const& group, std::shared_ptr<Arena::Buffer> const& unit);
  void send_to(OperationRef operation,
               std::vector<int> const& ranks,
               std::span<std::byte const> bytes);
  void finish_receive(OperationRef operation, MPI_Status const& status);
  void deliver_unit(Unit const& unit, std::span<std::byte const> bytes);
  void deliver_message(Task const& task, std::span<std::byte const> bytes);
  void add_request(OperationRef operation, MPI_Request request);
  void wait_for_units();
  Arena::Buffer wait_for_buffer(std::int64_t bytes);
  void poll_or_pause(parallel::Backoff& backoff);

  [[nodiscard]] parallel::CallLog* log() const noexcept { return input_.comm.calls().log(); }

  bool poll();

  template <class Work>
  void guarded(double& seconds, Work const& work);

  Input input_;
  UnitReader reader_;
  parallel::CallTicket ticket_;  // of run()
  int tag_limit_;
  std::list<Operation> operations_;
  std::vector<MPI_Request> requests_;
  std::vector<OperationRef> owners_;                 // of requests_, index by index
  std::vector<std::weak_ptr<Arena::Buffer>> units_;  // that this rank read and may still be sending
  LoadCounts counts_;
  bool is_failed_ = false;  // here or elsewhere
  std::optional<std::string> failure_;
};

}  // namespace talus::io::detail
