// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "runtime/base/unique_handle.hpp"

namespace talus::io::files {

/// How UniqueHandle closes a file of the system.
struct OpenFileTraits {
  using native_type = int;

  static int null() noexcept { return -1; }

  static void destroy(int descriptor) noexcept;
};

/// An open file of the system.
using OpenFile = UniqueHandle<OpenFileTraits>;

/// Throws "FILE: WHAT (the reason in errno)".
[[noreturn]] void fail(std::filesystem::path const& file, std::string_view what);

/// Reads what there is, at most all of `out`; again if a signal interrupts.
///
/// \param file  its name, for errors
/// \return  bytes read, 0 at the end
/// \throws ConfigError  if it can't be read
[[nodiscard]] std::size_t read_some(OpenFile const& from,
                                    std::span<char> out,
                                    std::filesystem::path const& file);

/// Writes all bytes; goes on after a short write or a signal.
///
/// \throws ConfigError  if they can't be written
void write_all(OpenFile const& to, std::string_view bytes, std::filesystem::path const& file);

/// Refuses to write by way of a symbolic link that another user made: in a folder of many users it
/// could lead to any file of this one's.
///
/// \param place  a file or folder; need not be there
/// \throws ConfigError  naming it
void check_link(std::filesystem::path const& place);

/// Opens a file to be written, as open() does with these flags; creates it with the user's umask.
///
/// \return nothing, with errno, if open() fails
/// \throws ConfigError  see check_link
[[nodiscard]] OpenFile open_to_write(std::filesystem::path const& file, int flags);

/// Creates a file to be written.
///
/// \throws ConfigError  if it exists or can't be created
[[nodiscard]] OpenFile create_file(std::filesystem::path const& file);

/// Returns when what was written is on the disk, where there is one: a pipe keeps nothing.
///
/// \throws ConfigError  if it can't be forced there
void force_to_disk(OpenFile const& written, std::filesystem::path const& file);

/// What forces to the disk: force_to_disk, unless a test looks on.
using Force = std::function<void(OpenFile const& written, std::filesystem::path const& file)>;

/// Closes a file that was written.
///
/// \throws ConfigError  if the system says now that something was lost
void close_written(OpenFile& written, std::filesystem::path const& file);

}  // namespace talus::io::files
