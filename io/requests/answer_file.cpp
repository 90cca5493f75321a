// SPDX-License-Identifier: Apache-2.0
#include "io/requests/answer_file.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using Status = struct ::stat;

std::optional<Status> status_of(std::filesystem::path const& file) {
  Status status{};
  if (::stat(file.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return status;
}

// The folder that a new file of this name would be in.
std::filesystem::path folder_of(std::filesystem::path const& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
}

void check_folder(std::filesystem::path const& output) {
  auto const folder = folder_of(output);
  auto const status = status_of(folder);
  if (!status) {
    files::fail(output, concat("can't be created, no folder ", folder.string()));
  }
  if (!S_ISDIR(status->st_mode)) {
    throw ConfigError{
        concat(output.string(), ": can't be created (", folder.string(), " is not a folder)")};
  }
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    files::fail(output, concat("can't be created in folder ", folder.string()));
  }
}

void check_existing(std::filesystem::path const& output, Status const& status, Existing existing) {
  if (S_ISDIR(status.st_mode)) {
    throw ConfigError{concat(output.string(), ": is a folder (give the name of a file)")};
  }
  if (existing == Existing::keep && !S_ISREG(status.st_mode)) {
    throw ConfigError{concat(output.string(),
                             ": not a regular file (a run can't go on behind what it was given)")};
  }
  if (existing == Existing::refuse) {
    throw ConfigError{concat(output.string(),
                             ": exists already (name another file, go on from its ledger with "
                             "--resume, or allow --overwrite)")};
  }
  if (::faccessat(AT_FDCWD, output.c_str(), W_OK, AT_EACCESS) != 0) {
    files::fail(output, "can't be overwritten");
  }
}

/// What a name stands for, also if that isn't there yet, where O_EXCL would refuse a link.
///
/// \throws ConfigError  if a link is another user's
std::filesystem::path behind_links(std::filesystem::path file) {
  constexpr int most_links = 40;  // as the system
  for (int i = 0; i < most_links && std::filesystem::is_symlink(file); ++i) {
    files::check_link(file);
    file = folder_of(file) / std::filesystem::read_symlink(file);
  }
  return file;
}

files::OpenFile open_output(std::filesystem::path const& output, Existing existing) {
  constexpr std::array<int, 3> hows{O_EXCL, O_TRUNC, 0};
  int const how = hows[static_cast<std::size_t>(existing)];
  files::OpenFile file =
      files::open_to_write(behind_links(output), O_WRONLY | O_CREAT | O_APPEND | how);
  if (!file) {
    files::fail(output, "can't be created");
  }
  return file;
}

}  // namespace

SyncPolicy sync_policy(std::string_view name) {
  if (name == "none") {
    return SyncPolicy::none;
  }
  if (name == "each") {
    return SyncPolicy::each;
  }
  if (name == "close") {
    return SyncPolicy::close;
  }
  throw ConfigError{concat("--sync: ", name, " (allowed: none, each, close)")};
}

void check_answer_file(std::filesystem::path const& output,
                       std::filesystem::path const& input,
                       Existing existing) {
  if (output.empty()) {
    throw ConfigError{"output: no name (give a file for the answers)"};
  }
  if (output == "-") {
    throw ConfigError{
        "output: - (answers never go to standard output; give the name of a file for them)"};
  }
  files::check_link(output);
  auto const status = status_of(output);
  if (!status) {
    check_folder(output);
    return;
  }
  if (!input.empty() && input != "-") {
    auto const other = status_of(input);
    if (other && other->st_dev == status->st_dev && other->st_ino == status->st_ino) {
      throw ConfigError{concat(output.string(),
                               ": is the input ",
                               input.string(),
                               " (answers would overwrite the requests; name another file)")};
    }
  }
  check_existing(output, *status, existing);
}

AnswerFile::AnswerFile(std::filesystem::path output,
                       std::filesystem::path const& input,
                       Existing existing,
                       Sync sync)
    : path_{std::move(output)}, sync_{std::move(sync)} {
  check_answer_file(path_, input, existing);
  file_ = open_output(path_, existing);
}

void AnswerFile::cut(std::int64_t bytes) {
  TALUS_EXPECT(file_);
  if (::ftruncate(file_.get(), bytes) != 0) {
    files::fail(path_, "can't be cut to what is whole");
  }
  bytes_ = bytes;
}

void AnswerFile::append(std::string_view lines) {
  TALUS_EXPECT(file_);
  files::write_all(file_, lines, path_);
  bytes_ += static_cast<std::int64_t>(lines.size());
}

void AnswerFile::commit() const {
  TALUS_EXPECT(file_);
  sync_.commit(file_, path_);
}

bool AnswerFile::is_in_place() const noexcept {
  Status open{};
  auto const named = status_of(path_);
  return named && ::fstat(file_.get(), &open) == 0 && open.st_dev == named->st_dev &&
         open.st_ino == named->st_ino;
}

void AnswerFile::close() {
  TALUS_EXPECT(file_);
  sync_.close(file_, path_);
}

}  // namespace talus::io
