// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/pipeline.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "io/checkpoint/detail/message_layout.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::io::detail {
namespace {

using parallel::mpi_check;

// Receives and sends under way on a rank: enough that each of as many ranks can read ahead while
// all share what they read; few enough that asking MPI about all of them is cheap.
constexpr std::size_t max_operations = 64;

// Units that a rank holds while it sends from them: two overlap reading with sending, the others
// even out receivers that are late. More would fill the memory when the network is slower than the
// files.
constexpr std::size_t max_units = 4;

// Message tags end here; ids of units begin again at 0. MPI promises 32767, libraries have
// millions.
int tag_limit_of(parallel::Communicator const& comm) {
  void* value = nullptr;
  int is_set = 0;
  mpi_check(MPI_Comm_get_attr(comm.native(), MPI_TAG_UB, &value, &is_set), "MPI_Comm_get_attr");
  return is_set != 0 ? *static_cast<int const*>(value) : 32767;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The first task that `rank` reads, or null.
Task const* next_read(std::span<Task const> tasks, int rank) {
  auto const found = std::find_if(
      tasks.begin(), tasks.end(), [&](Task const& task) { return task.reader == rank; });
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace

Pipeline::Pipeline(Input const& input)
    : input_{input}, reader_{input.checkpoint}, tag_limit_{tag_limit_of(input.comm)} {}

// Runs work that may throw, unless an error was met before, and adds the time that it took.
template <class Work>
void Pipeline::guarded(double& seconds, Work const& work) {
  if (is_failed_) {
    return;
  }
  auto const start = Clock::now();
  try {
    if (input_.interrupt) {
      input_.interrupt();
    }
    work();
  } catch (std::exception const& error) {
    is_failed_ = true;
    failure_ = error.what();
  }
  seconds += seconds_since(start);
}

void Pipeline::run(std::span<Task const> tasks) {
  ticket_ = input_.comm.calls().enter("load tensors");
  auto const start = Clock::now();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].reader == input_.comm.rank()) {
      begin_read(tasks[i], next_read(tasks.subspan(i + 1), input_.comm.rank()));
    } else {
      begin_receive(tasks[i]);
    }
    poll();
  }
  {
    parallel::WaitScope const waiting{ticket_};
    for (parallel::Backoff backoff; !operations_.empty();) {
      poll_or_pause(backoff);
    }
  }
  counts_.seconds_send = seconds_since(start) - counts_.seconds_read - counts_.seconds_sink;
}

// `next` is what this rank reads after it, if anything: the system fetches that while this unit is
// sent and put in its place.
void Pipeline::begin_read(Task const& task, Task const* next) {
  wait_for_units();
  auto const unit = std::make_shared<Arena::Buffer>(wait_for_buffer(task.unit.bytes));
  units_.push_back(unit);
  guarded(counts_.seconds_read, [&] { read_and_check(task.unit, unit->bytes()); });
  if (next != nullptr) {
    reader_.announce(next->unit);
  }
  for (Group const& group : task.groups) {
    send_group(task, group, unit);
  }
  guarded(counts_.seconds_sink, [&] { deliver_unit(task.unit, unit->bytes()); });
}

void Pipeline::read_and_check(Unit const& unit, std::span<std::byte> bytes) {
  {
    auto const& file = input_.checkpoint.files()[static_cast<std::size_t>(unit.file)];
    parallel::FileScope const reading{log(), "read", file.string()};
    reader_.read(unit, bytes);
  }
  counts_.bytes_read += unit.bytes;
  auto const start = Clock::now();
  reader_.check_finite(unit, bytes);
  counts_.seconds_check += seconds_since(start);
}

void Pipeline::send_group(Task const& task,
                          Group const& group,
                          std::shared_ptr<Arena::Buffer> const& unit) {
  auto const tree = place_in_tree(group.ranks, task.reader, task.reader);
  if (tree.children.empty()) {
    return;
  }
  // After an error the message has no content, so that none is packed.
  auto const unpacked = is_failed_
                            ? std::optional{std::span<std::byte const>{}}
                            : find_unpacked(input_.checkpoint, task.unit, group, unit->bytes());
  auto buffer = unpacked ? std::nullopt : std::optional{wait_for_buffer(group.bytes)};
  auto bytes = unpacked.value_or(std::span<std::byte const>{});
  if (buffer) {
    pack_message(input_.checkpoint, task.unit, group, unit->bytes(), buffer->bytes());
    bytes = buffer->bytes();
  }
  auto const operation =
      operations_.insert(operations_.end(), {&task, false, 0, std::move(buffer), unit});
  send_to(operation, tree.children, bytes);
}

void Pipeline::send_to(OperationRef operation,
                       std::vector<int> const& ranks,
                       std::span<std::byte const> bytes) {
  auto const count = is_failed_ ? std::size_t{0} : bytes.size();
  for (int const rank : ranks) {
    MPI_Request request = MPI_REQUEST_NULL;
    // Synchronous: else MPI itself might buffer short messages at a slow receiver, without limit.
    mpi_check(MPI_Issend(bytes.data(),
                         static_cast<int>(count),
                         MPI_BYTE,
                         rank,
                         operation->task->id % tag_limit_,
                         input_.comm.native(),
                         &request),
              "MPI_Issend");
    add_request(operation, request);
    counts_.bytes_sent += static_cast<std::int64_t>(count);
  }
}

void Pipeline::begin_receive(Task const& task) {
  Group const& group = task.groups.front();
  auto const tree = place_in_tree(group.ranks, task.reader, input_.comm.rank());
  auto const operation = operations_.insert(
      operations_.end(), {&task, true, 0, wait_for_buffer(group.bytes), nullptr});
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Irecv(operation->message->bytes().data(),
                      static_cast<int>(group.bytes),
                      MPI_BYTE,
                      tree.parent,
                      task.id % tag_limit_,
                      input_.comm.native(),
                      &request),
            "MPI_Irecv");
  add_request(operation, request);
}

void Pipeline::finish_receive(OperationRef operation, MPI_Status const& status) {
  int count = 0;
  mpi_check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
  is_failed_ = is_failed_ || count == 0;
  operation->is_receive = false;

  Task const& task = *operation->task;
  auto const tree = place_in_tree(task.groups.front().ranks, task.reader, input_.comm.rank());
  send_to(operation, tree.children, operation->message->bytes());
  guarded(counts_.seconds_sink, [&] { deliver_message(task, operation->message->bytes()); });
}

void Pipeline::deliver_unit(Unit const& unit, std::span<std::byte const> bytes) {
  for (UnitPart const& part : unit.parts) {
    auto const source = rect_of_part(input_.checkpoint, part, bytes);
    input_.sinks.deliver(part.tensor, part.first_row, part.last_row, {&source, 1});
  }
}

void Pipeline::deliver_message(Task const& task, std::span<std::byte const> bytes) {
  auto const& blocks = task.groups.front().blocks;
  std::byte const* data = bytes.data();
  std::vector<PackedRect> sources;
  for (std::size_t i = 0; i < blocks.size();) {
    auto const index = blocks[i].part;
    UnitPart const& part = task.unit.parts[static_cast<std::size_t>(index)];
    sources.clear();
    for (; i < blocks.size() && blocks[i].part == index; ++i) {
      sources.push_back({blocks[i].rect, data});
      data += blocks[i].rect.num_elements() * element_bytes_of(input_.checkpoint, part);
    }
    input_.sinks.deliver(part.tensor, part.first_row, part.last_row, sources);
  }
}

void Pipeline::add_request(OperationRef operation, MPI_Request request) {
  requests_.push_back(request);
  owners_.push_back(operation);
  ++operation->num_pending;
}

// Makes progress until this rank may hold another unit.
void Pipeline::wait_for_units() {
  parallel::WaitScope const waiting{ticket_};
  for (parallel::Backoff backoff;;) {
    std::erase_if(units_, [](auto const& unit) { return unit.expired(); });
    if (units_.size() < max_units) {
      return;
    }
    poll_or_pause(backoff);
  }
}

// Makes progress until there is room for another operation and its buffer.
Arena::Buffer Pipeline::wait_for_buffer(std::int64_t bytes) {
  parallel::WaitScope const waiting{ticket_};
  for (parallel::Backoff backoff;;) {
    if (operations_.size() < max_operations) {
      if (auto buffer = input_.arena.take(bytes)) {
        return std::move(*buffer);
      }
    }
    poll_or_pause(backoff);
  }
}

void Pipeline::poll_or_pause(parallel::Backoff& backoff) {
  if (poll()) {
    backoff = {};
    if (log() != nullptr) {
      log()->move();
    }
  } else {
    backoff.pause();
  }
}

// Sees to all requests that are complete; false if none was.
bool Pipeline::poll() {
  if (requests_.empty()) {
    return false;
  }
  std::vector<int> indices(requests_.size());
  std::vector<MPI_Status> statuses(requests_.size());
  int count = 0;
  mpi_check(MPI_Testsome(static_cast<int>(requests_.size()),
                         requests_.data(),
                         &count,
                         indices.data(),
                         statuses.data()),
            "MPI_Testsome");
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    auto const operation = owners_[static_cast<std::size_t>(indices[i])];
    --operation->num_pending;
    if (operation->is_receive) {
      finish_receive(operation, statuses[i]);
    }
    if (operation->num_pending == 0) {
      operations_.erase(operation);
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i] != MPI_REQUEST_NULL) {
      requests_[kept] = requests_[i];
      owners_[kept++] = owners_[i];
    }
  }
  requests_.resize(kept);
  owners_.resize(kept);
  return count > 0;
}

}  // namespace talus::io::detail
