// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

/// \file
/// Put before the C library with LD_PRELOAD, makes reads or writes of a file block for ever on one
/// rank, as a file server that is gone does:
///
///   BLOCK_FILE=TEXT      files whose path contains it
///   BLOCK_RANK=N         of the job
///   BLOCK_ONCE=FILE      from when this file exists

namespace {

bool is_set(char const* name, std::string const& value) {
  char const* const found = std::getenv(name);
  return found != nullptr && value == found;
}

bool is_here() {
  char const* const rank = std::getenv("BLOCK_RANK");
  return rank != nullptr && (is_set("OMPI_COMM_WORLD_RANK", rank) || is_set("PMI_RANK", rank) ||
                             is_set("PMIX_RANK", rank));
}

void block_if_told(int file) {
  char const* const text = std::getenv("BLOCK_FILE");
  char const* const once = std::getenv("BLOCK_ONCE");
  if (text == nullptr || once == nullptr || !is_here() || access(once, F_OK) != 0) {
    return;
  }
  std::array<char, 4096> path{};
  std::string const link = "/proc/self/fd/" + std::to_string(file);
  if (readlink(link.c_str(), path.data(), path.size() - 1) > 0 &&
      std::strstr(path.data(), text) != nullptr) {
    for (;;) {
      sleep(3600);
    }
  }
}

template <class Function>
Function* next(char const* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

using Write = ssize_t(int, void const*, size_t);
using WriteAt = ssize_t(int, void const*, size_t, off_t);
using ReadAt = ssize_t(int, void*, size_t, off_t);

}  // namespace

extern "C" {

ssize_t write(int file, void const* bytes, size_t size) {
  block_if_told(file);
  return next<Write>("write")(file, bytes, size);
}

ssize_t pwrite(int file, void const* bytes, size_t size, off_t offset) {
  block_if_told(file);
  return next<WriteAt>("pwrite")(file, bytes, size, offset);
}

ssize_t pwrite64(int file, void const* bytes, size_t size, off_t offset) {
  block_if_told(file);
  return next<WriteAt>("pwrite64")(file, bytes, size, offset);
}

ssize_t pread(int file, void* bytes, size_t size, off_t offset) {
  block_if_told(file);
  return next<ReadAt>("pread")(file, bytes, size, offset);
}

ssize_t pread64(int file, void* bytes, size_t size, off_t offset) {
  block_if_told(file);
  return next<ReadAt>("pread64")(file, bytes, size, offset);
}
}
