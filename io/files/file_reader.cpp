// SPDX-License-Identifier: Apache-2.0
#include "io/files/file_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.hpp"

namespace talus::io::files {
namespace {

// Linux transfers at most this many bytes (2 GiB less a page) in one call; some file systems less.
constexpr std::size_t max_read_bytes = std::size_t{1} << 30;

}  // namespace

void DescriptorTraits::destroy(int descriptor) noexcept {
  ::close(descriptor);  // nothing was written, so nothing can be lost
}

FileReader::FileReader(std::filesystem::path file)
    : file_{std::move(file)},
      descriptor_{::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {  // a pipe: no wait
  if (!descriptor_) {
    throw ConfigError{concat(file_.string(), ": can't be opened (", std::strerror(errno), ')')};
  }

  struct ::stat status {};

  if (::fstat(descriptor_.get(), &status) != 0) {
    throw ConfigError{concat(file_.string(), ": can't be read (", std::strerror(errno), ')')};
  }
  if (!S_ISREG(status.st_mode)) {
    throw ConfigError{
        concat(file_.string(), ": not a regular file (needed to read at any offset)")};
  }
  file_bytes_ = static_cast<std::int64_t>(status.st_size);
  ::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // advice: failing is harmless
}

void FileReader::announce(std::int64_t offset, std::int64_t bytes) const noexcept {
  // Advice: where it isn't taken, reading waits for the file as it would have.
  ::posix_fadvise(descriptor_.get(), offset, bytes, POSIX_FADV_WILLNEED);
}

void FileReader::read(std::int64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    auto const at = offset + static_cast<std::int64_t>(done);
    auto const count = std::min(out.size() - done, max_read_bytes);
    auto const got = ::pread(descriptor_.get(), out.data() + done, count, at);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw ConfigError{concat(file_.string(),
                               ": reading ",
                               count,
                               " bytes at offset ",
                               at,
                               " failed (",
                               std::strerror(errno),
                               ')')};
    }
    if (got == 0) {
      throw ConfigError{concat(file_.string(),
                               ": ends at offset ",
                               at,
                               " (",
                               out.size(),
                               " bytes were expected at offset ",
                               offset,
                               "; truncated?)")};
    }
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace talus::io::files
