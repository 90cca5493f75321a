// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "io/files/file_reader.hpp"
#include "io/sharded/detail/packed_read.hpp"
#include "parallel/call_log.hpp"

namespace talus::io::detail {

/// What was read: where it lies, or why it couldn't be.
struct ReadBytes {
  std::vector<std::byte> buffer;  ///< of a read that isn't direct
  std::span<std::byte> bytes;     ///< in the buffer, or in the read's target
  std::optional<std::string> failure;
};

/// A thread that carries out reads in their order, some of them ahead of who takes the results. It
/// makes no calls of MPI.
class ReadAhead {
 public:
  /// Begins. Keeps references to `file` and to the reads.
  ///
  /// \param calls  where the thread says that it reads; null: nowhere
  ReadAhead(files::FileReader const& file,
            std::vector<PackedRead const*> reads,
            parallel::CallLog* calls);

  /// Stops before the next read.
  ~ReadAhead();
  ReadAhead(ReadAhead const&) = delete;
  ReadAhead& operator=(ReadAhead const&) = delete;

  /// The next result, if it is there.
  [[nodiscard]] std::optional<ReadBytes> try_next();

  /// The next result; waits for it.
  /// \pre fewer were taken than there are reads
  [[nodiscard]] ReadBytes next();

  /// Bytes of the buffers that nobody has taken yet.
  [[nodiscard]] std::int64_t buffer_bytes() const;

  /// Seconds in reads so far.
  [[nodiscard]] double seconds() const;

 private:
  void run();
  [[nodiscard]] ReadBytes carry_out(PackedRead const& read);
  [[nodiscard]] ReadBytes take_first();

  files::FileReader const* file_;
  parallel::CallLog* calls_;
  std::vector<PackedRead const*> reads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ReadBytes> done_;
  double seconds_ = 0.0;
  bool is_stopped_ = false;
  std::thread thread_;  // last: it uses the others
};

/// Room for what a read reads: its target, or the buffer, which is made.
[[nodiscard]] ReadBytes make_room(PackedRead const& read);

}  // namespace talus::io::detail
