// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/ledger/known_output.hpp"
#include "io/ledger/ledger.hpp"
#include "io/ledger/saved_index.hpp"
#include "io/ledger/work_left.hpp"
#include "io/requests/answer_file.hpp"
#include "runtime/batch/answer_counts.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// Whether a run begins afresh or where its ledger says that one before it was.
enum class Start { fresh, resumed };

/// What `--resume` comes to.
///
/// \throws ConfigError  if it isn't one of its words, contradicts another option, or asks for a
///                      ledger that isn't there
[[nodiscard]] Start choose_start(BatchOptions const& batch);

/// The output and its ledger on the rank that writes them.
///
/// The order of things is Ledger's: lines first, then the records that say that they are there. All
/// that was added since the last commit() is made safe at once, so that --sync each costs two calls
/// for all answers that came together.
class AnswerStore {
 public:
  /// \param start  of choose_start
  /// \param calls  where this rank says that it is in a call on a file; null: nowhere
  /// \param force  what forces files to the disk
  AnswerStore(BatchOptions const& batch,
              Start start,
              parallel::CallLog* calls = nullptr,
              io::files::Force force = io::files::force_to_disk);

  /// Takes the ledger of the run before, so that no other job can. Does nothing for a fresh start.
  ///
  /// \throws ConfigError  if it can't be had
  void lock();

  /// Finds out what the run before did; changes nothing.
  ///
  /// \throws ConfigError  if the ledger's run isn't this one, naming what differs, or the output
  ///                      has been changed
  /// \pre  lock() came before
  void compare(io::Identity const& identity);

  /// Whether the output is a file that a run can go on behind.
  [[nodiscard]] bool has_ledger() const noexcept { return ledger_ != nullptr; }

  [[nodiscard]] Start start() const noexcept { return start_; }

  /// What is yet to be done.
  [[nodiscard]] io::WorkLeft work_left(std::int64_t num_requests) const;

  /// Tokens that the run before had of what is yet to be done.
  [[nodiscard]] io::SavedIndex saved() const;

  /// Lines of the output that count.
  [[nodiscard]] std::span<io::FinishedRequest const> kept() const noexcept;

  /// How many they are; their tokens aren't known.
  [[nodiscard]] AnswerCounts kept_counts() const;

  /// What a person should know of the ledger, each once; empty: nothing.
  [[nodiscard]] std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

  /// Creates the output and the ledger, or cuts them to what is good.
  ///
  /// \throws ConfigError  naming the file that can't be written
  void open(io::Identity const& identity);

  /// Adds a request's line, which counts from the next commit() on.
  /// \throws ConfigError  naming the file that can't be written
  void add_line(std::int64_t request, std::string_view line, bool is_error);

  /// Adds tokens of unfinished requests, likewise.
  ///
  /// \param payloads  of io::format_saved_tokens
  void add_saved(std::span<std::string const> payloads);

  /// Returns when what was added is known to the ledger, and as safe as --sync says. Does nothing
  /// if nothing was.
  ///
  /// \throws ConfigError  naming the file that can't be written or forced to the disk
  void commit();

  /// Looks whether the output is still in its place, some times a minute.
  ///
  /// \throws ConfigError  if it hasn't been there for a minute
  void look_after();

  /// Ends both files; waits a minute for an output that isn't in its place.
  /// \throws ConfigError  naming the file that lost something
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_in_place(Clock::time_point now);
  [[nodiscard]] io::Existing existing() const noexcept;

  BatchOptions batch_;
  Start start_;
  parallel::CallLog* calls_;
  io::Sync sync_;
  std::unique_ptr<io::AnswerFile> file_;
  std::unique_ptr<io::Ledger> ledger_;  ///< null where the output isn't a regular file
  std::size_t num_kept_ = 0;
  bool has_new_lines_ = false;  ///< since the last commit
  Clock::time_point next_look_ = Clock::now();
  std::optional<Clock::time_point> missing_;  ///< since when the output isn't in its place
  std::vector<std::string> warnings_;
};

}  // namespace talus::runtime
