// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "runtime/base/unique_handle.hpp"

namespace talus::io::files {

/// How UniqueHandle closes a file descriptor.
struct DescriptorTraits {
  using native_type = int;

  static int null() noexcept { return -1; }

  static void destroy(int descriptor) noexcept;
};

/// A file open for reading at any offset, with the kernel told to expect large reads in order.
class FileReader {
 public:
  /// \throws ConfigError  if it can't be opened or is not a regular file
  explicit FileReader(std::filesystem::path file);

  [[nodiscard]] std::filesystem::path const& file() const noexcept { return file_; }

  /// Length of the file when it was opened.
  [[nodiscard]] std::int64_t file_bytes() const noexcept { return file_bytes_; }

  /// Fills `out` with the bytes from `offset` on.
  ///
  /// \throws ConfigError  if a read fails, or the file ends before `out` is full
  void read(std::int64_t offset, std::span<std::byte> out) const;

  /// Tells the system that these bytes will be read soon, so that it fetches them meanwhile.
  void announce(std::int64_t offset, std::int64_t bytes) const noexcept;

 private:
  std::filesystem::path file_;
  UniqueHandle<DescriptorTraits> descriptor_;
  std::int64_t file_bytes_ = 0;
};

}  // namespace talus::io::files
