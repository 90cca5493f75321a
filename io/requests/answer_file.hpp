// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>

#include "io/files/open_file.hpp"

namespace talus::io {

/// What to do where a file is already: keep is to go on behind what is in it.
enum class Existing { refuse, overwrite, keep };

/// When an answer is forced to the disk.
enum class SyncPolicy {
  none,   ///< when the system likes
  each,   ///< before it counts as finished, from when on it survives a power cut
  close,  ///< once, at the end
};

/// The policy that --sync names.
///
/// \throws ConfigError  naming what is allowed
[[nodiscard]] SyncPolicy sync_policy(std::string_view name);

/// A policy, and what does it.
class Sync {
 public:
  Sync(SyncPolicy policy = SyncPolicy::none, files::Force force = files::force_to_disk)
      : policy_{policy}, force_{std::move(force)} {}

  /// Forces to the disk what is to count from now on, if the policy wants it.
  void commit(files::OpenFile const& file, std::filesystem::path const& path) const {
    if (policy_ == SyncPolicy::each) {
      force_(file, path);
    }
  }

  /// Ends a file.
  /// \throws ConfigError  with the file's name if what was written did not reach it
  void close(files::OpenFile& file, std::filesystem::path const& path) const {
    if (policy_ != SyncPolicy::none) {
      force_(file, path);
    }
    files::close_written(file, path);
  }

 private:
  SyncPolicy policy_;
  files::Force force_;
};

/// Refuses an output that a run could not write, without touching it.
///
/// \param output  where answers would go
/// \param input   the file of requests; "-" or empty: none to compare with
/// \throws ConfigError  if the output is "-" (answers never go to standard output), is the input
///                      (also through links), exists and may not be overwritten, is a directory, or
///                      is in a place where no file can be written
void check_answer_file(std::filesystem::path const& output,
                       std::filesystem::path const& input,
                       Existing existing);

/// The output of a run, written line by line as answers finish. One rank of the job has it open.
class AnswerFile {
 public:
  /// Checks as check_answer_file does, then creates the file, or empties or keeps the one that is
  /// there.
  ///
  /// \throws ConfigError  if it can't be
  AnswerFile(std::filesystem::path output,
             std::filesystem::path const& input,
             Existing existing,
             Sync sync = {});

  /// Cuts off all but the first `bytes` bytes of a file that was kept.
  ///
  /// \throws ConfigError  with the file's name if it can't be done
  void cut(std::int64_t bytes);

  /// Adds whole lines at the end, by one write where the system takes them in one. What is added
  /// counts from the next commit() on.
  ///
  /// \throws ConfigError  with the file's name if they can't be written, such as on a full disk
  void append(std::string_view lines);

  /// Returns when what was appended is as safe as the policy says.
  ///
  /// \throws ConfigError  with the file's name if it can't be forced to the disk
  void commit() const;

  /// Whether the file is still where it was made: a folder that was removed or not mounted any more
  /// takes what is written with it, and the system says nothing.
  [[nodiscard]] bool is_in_place() const noexcept;

  /// Ends the file. One that is not closed is closed by the destructor, which can't say that a late
  /// error of the file system lost something.
  ///
  /// \throws ConfigError  with the file's name if what was appended did not reach it
  void close();

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// Bytes of the file, as far as this object knows: what was cut to and what was appended.
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

 private:
  std::filesystem::path path_;
  Sync sync_;
  files::OpenFile file_;
  std::int64_t bytes_ = 0;
};

}  // namespace talus::io
