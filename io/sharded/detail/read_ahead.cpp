// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/detail/read_ahead.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace talus::io::detail {
namespace {

constexpr std::size_t most_ahead = 3;  // results that nobody has taken

}  // namespace

ReadBytes make_room(PackedRead const& read) {
  ReadBytes room;
  if (read.is_direct) {
    room.bytes = read.pieces.front().target;
  } else {
    room.buffer.resize(static_cast<std::size_t>(read.bytes));
    room.bytes = room.buffer;
  }
  return room;
}

ReadAhead::ReadAhead(files::FileReader const& file,
                     std::vector<PackedRead const*> reads,
                     parallel::CallLog* calls)
    : file_{&file}, calls_{calls}, reads_{std::move(reads)}, thread_{[this] { run(); }} {}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard const lock{mutex_};
    is_stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::optional<ReadBytes> ReadAhead::try_next() {
  std::lock_guard const lock{mutex_};
  return done_.empty() ? std::nullopt : std::optional{take_first()};
}

ReadBytes ReadAhead::next() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !done_.empty(); });
  return take_first();
}

std::int64_t ReadAhead::buffer_bytes() const {
  std::lock_guard const lock{mutex_};
  std::int64_t bytes = 0;
  for (ReadBytes const& each : done_) {
    bytes += static_cast<std::int64_t>(each.buffer.size());
  }
  return bytes;
}

double ReadAhead::seconds() const {
  std::lock_guard const lock{mutex_};
  return seconds_;
}

ReadBytes ReadAhead::take_first() {
  ReadBytes first = std::move(done_.front());
  done_.pop_front();
  changed_.notify_all();
  return first;
}

void ReadAhead::run() {
  for (PackedRead const* const read : reads_) {
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return is_stopped_ || done_.size() < most_ahead; });
      if (is_stopped_) {
        return;
      }
    }
    auto const start = std::chrono::steady_clock::now();
    ReadBytes result = carry_out(*read);
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    std::lock_guard const lock{mutex_};
    seconds_ += time.count();
    done_.push_back(std::move(result));
    changed_.notify_all();
  }
}

ReadBytes ReadAhead::carry_out(PackedRead const& read) {
  ReadBytes result;
  try {
    result = make_room(read);
    parallel::FileScope const reading{calls_, "read", file_->file().string()};
    file_->read(read.offset, result.bytes);
  } catch (std::exception const& error) {
    result.failure = error.what();
  }
  return result;
}

}  // namespace talus::io::detail
