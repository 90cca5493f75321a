// SPDX-License-Identifier: Apache-2.0
#include "io/files/open_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.hpp"

namespace talus::io::files {

void OpenFileTraits::destroy(int descriptor) noexcept {
  ::close(descriptor);
}

void fail(std::filesystem::path const& file, std::string_view what) {
  int const reason = errno;
  throw ConfigError{concat(file.string(), ": ", what, " (", std::strerror(reason), ')')};
}

std::size_t read_some(OpenFile const& from,
                      std::span<char> out,
                      std::filesystem::path const& file) {
  for (;;) {
    auto const got = ::read(from.get(), out.data(), out.size());
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      fail(file, "can't be read");
    }
  }
}

void write_all(OpenFile const& to, std::string_view bytes, std::filesystem::path const& file) {
  while (!bytes.empty()) {
    auto const written = ::write(to.get(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(file, "can't be written");
    }
  }
}

void check_link(std::filesystem::path const& place) {
  struct stat link {};

  bool const is_link = ::lstat(place.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
  if (is_link && link.st_uid != ::geteuid()) {
    throw ConfigError{concat(place.string(),
                             ": a symbolic link of user ",
                             link.st_uid,
                             " (only one's own links are followed)")};
  }
}

OpenFile open_to_write(std::filesystem::path const& file, int flags) {
  constexpr unsigned int mode = 0666;  // less the user's umask
  check_link(file);
  return OpenFile{::open(file.c_str(), flags | O_CLOEXEC, mode)};
}

OpenFile create_file(std::filesystem::path const& file) {
  OpenFile created = open_to_write(file, O_WRONLY | O_CREAT | O_EXCL);
  if (!created) {
    fail(file, "can't be created");
  }
  return created;
}

void force_to_disk(OpenFile const& written, std::filesystem::path const& file) {
  // What can't be forced, such as a pipe, answers EINVAL: nothing is kept there to be lost.
  if (::fsync(written.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    fail(file, "can't be forced to the disk");
  }
}

void close_written(OpenFile& written, std::filesystem::path const& file) {
  // An interrupted close has closed the file on Linux; a second would close someone else's.
  if (::close(written.release()) != 0 && errno != EINTR) {
    fail(file, "lost what was written");
  }
}

}  // namespace talus::io::files
