// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/detail/part_loader.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "io/sharded/packed_writer.hpp"
#include "parallel/collectives.hpp"
#include "parallel/progress.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr std::size_t most_flights = 3;  // broadcasts under way

/// Adds the time that it lives.
class Timer {
 public:
  explicit Timer(double& seconds) : seconds_{&seconds} {}

  ~Timer() {
    *seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  Timer(Timer const&) = delete;
  Timer& operator=(Timer const&) = delete;

 private:
  double* seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

PartLoader::PartLoader(parallel::Communicator const& comm,
                       files::FileReader const& file,
                       std::vector<PackedRead> const& reads,
                       std::function<void()> const& interrupt)
    : comm_{&comm}, file_{&file}, reads_{&reads}, interrupt_{&interrupt} {}

bool PartLoader::is_mine(std::size_t index) const {
  return static_cast<int>(index % static_cast<std::size_t>(comm_->size())) == comm_->rank();
}

std::vector<PackedRead const*> PartLoader::my_reads() const {
  std::vector<PackedRead const*> mine;
  for (std::size_t i = 0; i < reads_->size(); ++i) {
    if (is_mine(i)) {
      mine.push_back(&(*reads_)[i]);
    }
  }
  return mine;
}

void PartLoader::run() {
  {
    ReadAhead ahead{*file_, my_reads(), comm_->calls().log()};
    for (std::size_t i = 0; i < reads_->size(); ++i) {
      if (failure_ && comm_->size() == 1) {
        break;
      }
      PackedRead const& read = (*reads_)[i];
      auto const root = static_cast<int>(i % static_cast<std::size_t>(comm_->size()));
      send({&read, is_mine(i) ? read_mine(ahead, read) : make_room(read), {}}, root);
    }
    counts_.seconds_read += ahead.seconds();
  }
  while (!flights_.empty()) {
    land_first();
  }
}

ReadBytes PartLoader::read_mine(ReadAhead& ahead, PackedRead const& read) {
  give_in_to_interrupt();
  if (failure_) {
    return make_room(read);
  }
  ReadBytes result = wait_for(ahead);
  if (result.failure) {
    fail(concat(*result.failure, ", in tensor \"", read.pieces.front().tensor->name, '"'));
    return make_room(read);
  }
  counts_.bytes_read += read.bytes;
  auto const taken = buffer_bytes_ + static_cast<std::int64_t>(result.buffer.size());
  counts_.peak_buffer_bytes = std::max(counts_.peak_buffer_bytes, taken + ahead.buffer_bytes());
  verify(read, result);
  return result;
}

ReadBytes PartLoader::wait_for(ReadAhead& ahead) {
  if (flights_.empty()) {
    return ahead.next();
  }
  for (parallel::Backoff backoff;;) {
    if (std::optional<ReadBytes> result = ahead.try_next()) {
      return std::move(*result);
    }
    std::ranges::for_each(flights_,
                          [](Flight& flight) { static_cast<void>(flight.request.test()); });
    backoff.pause();
  }
}

void PartLoader::verify(PackedRead const& read, ReadBytes const& room) {
  Timer const timer{counts_.seconds_check};
  for (PackedPiece const& piece : read.pieces) {
    if (checksum(read.bytes_of(piece, room.bytes)) != piece.hash) {
      fail(concat(file_->file().string(),
                  ": tensor \"",
                  piece.tensor->name,
                  "\": ",
                  piece.target.size(),
                  " bytes at offset ",
                  piece.tensor->offset + piece.begin,
                  " don't have the checksum that ",
                  manifest_name,
                  " gives (the file was changed or damaged)"));
      return;
    }
  }
}

void PartLoader::send(Flight flight, int root) {
  if (comm_->size() > 1) {
    Timer const timer{counts_.seconds_send};
    flight.request = parallel::start_broadcast(*comm_, flight.room.bytes, root);
    if (root == comm_->rank()) {
      counts_.bytes_sent += flight.read->bytes * (comm_->size() - 1);
    }
  }
  buffer_bytes_ += static_cast<std::int64_t>(flight.room.buffer.size());
  counts_.peak_buffer_bytes = std::max(counts_.peak_buffer_bytes, buffer_bytes_);
  flights_.push_back(std::move(flight));
  if (flights_.size() >= most_flights || comm_->size() == 1) {
    land_first();
  }
}

void PartLoader::land_first() {
  Flight& flight = flights_.front();
  {
    Timer const timer{counts_.seconds_send};
    flight.request.wait();
  }
  if (!flight.read->is_direct) {
    Timer const timer{counts_.seconds_sink};
    for (PackedPiece const& piece : flight.read->pieces) {
      auto const from = flight.read->bytes_of(piece, flight.room.bytes);
      std::ranges::copy(from, piece.target.begin());
    }
  }
  buffer_bytes_ -= static_cast<std::int64_t>(flight.room.buffer.size());
  flights_.pop_front();
}

void PartLoader::give_in_to_interrupt() {
  try {
    if (*interrupt_) {
      (*interrupt_)();
    }
  } catch (std::exception const& error) {
    fail(error.what());
  }
}

void PartLoader::fail(std::string const& what) {
  failure_ = failure_.value_or(what);
}

}  // namespace talus::io::detail
