// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "io/files/open_file.hpp"
#include "io/ledger/ledger_contents.hpp"
#include "io/ledger/record.hpp"
#include "io/requests/answer_file.hpp"

namespace talus::io {

/// The journal beside a run's output, from which a run that was killed at any moment goes on.
///
/// One rank of the job writes it, and only adds to it. A request's line goes to the output first,
/// then its record here, which says where the line ends; records are collected, and written by
/// commit(). So after a crash:
/// - a torn or whole line beyond the last record's end is cut off, and its request done again;
/// - a torn record is cut off, and its line with it;
/// - a record whose line isn't there, because a power cut lost it, is taken back by the next
///   session's record, which says how much of the output is good.
///
/// While it is open it is locked against other jobs, where the file system has locks.
class Ledger {
 public:
  /// Starts a ledger with its identity; one that is there is emptied.
  ///
  /// \throws ConfigError  if it can't be written, or is in use by another job
  [[nodiscard]] static Ledger create(std::filesystem::path path,
                                     Identity const& identity,
                                     Sync sync);

  /// Opens a ledger to go on from it; it is not changed before begin_session().
  ///
  /// \param patience  how long to wait for another job that has it: one that is killed may take a
  ///                  while to go
  /// \throws ConfigError  if it can't be opened, is in use by another job, or has no whole identity
  [[nodiscard]] static Ledger reopen(std::filesystem::path path,
                                     Sync sync,
                                     std::chrono::milliseconds patience = std::chrono::seconds{10});

  /// What was in it when it was opened.
  [[nodiscard]] LedgerContents const& contents() const noexcept { return contents_; }

  /// Whether no other job can have it open; false where the file system has no locks.
  [[nodiscard]] bool is_locked() const noexcept { return is_locked_; }

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// Cuts off what is torn and goes on.
  ///
  /// \param output_bytes  of the output that are good: lines that end behind them are taken back
  /// \throws ConfigError  with the file's name, if it can't be written
  void begin_session(std::int64_t output_bytes);

  /// Adds a request, with the next commit(). Its line is in the output by then, and as safe there
  /// as the policy wants it.
  void add_finished(FinishedRequest const& finished);

  /// Adds tokens of unfinished answers, with the next commit().
  ///
  /// \param payloads  of format_saved_tokens
  void add_saved(std::span<std::string const> payloads);

  /// Whether something was added since the last commit().
  [[nodiscard]] bool has_new() const noexcept { return !added_.empty(); }

  /// Writes what was added since the last time, by one write, and returns when it is as safe as the
  /// policy says.
  ///
  /// \throws ConfigError  with the file's name, if it can't be written or forced to the disk
  void commit();

  /// Commits, ends the file, and with it the lock.
  /// \throws ConfigError  with the file's name, if what was added did not reach it
  void close();

 private:
  Ledger(std::filesystem::path path, Sync sync, std::chrono::milliseconds patience);

  void cut(std::int64_t bytes);
  void add(RecordKind kind, std::span<std::string const> payloads);

  std::filesystem::path path_;
  Sync sync_;
  files::OpenFile file_;
  bool is_locked_ = false;
  std::int64_t bytes_ = 0;  ///< of the file
  std::string added_;       ///< records for the next commit
  LedgerContents contents_;
};

}  // namespace talus::io
