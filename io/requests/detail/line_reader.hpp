// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "io/files/open_file.hpp"

namespace talus::io::detail {

/// A line that is not blank.
struct FoundLine {
  std::string_view text;     ///< without its line break; cut after max_line_bytes + 1 bytes
  std::uint64_t offset = 0;  ///< of its first byte in the file
  std::uint64_t number = 0;  ///< in the file, from 1
};

/// Goes through the lines of a file from a place on, in large reads. A byte order mark at the
/// file's start is passed over.
class LineReader {
 public:
  /// \throws ConfigError  if it can't be opened or is not a regular file
  explicit LineReader(std::filesystem::path file);

  /// Bytes of the file when it was opened.
  [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }

  /// Goes to the line with this number, which starts at this offset.
  void seek(std::uint64_t offset, std::uint64_t number);

  /// Finds the next line that is not blank; its text holds until the next call.
  ///
  /// \return  false at the end of the file
  /// \throws ConfigError  if the file can't be read
  [[nodiscard]] bool next(FoundLine& line);

 private:
  [[nodiscard]] bool next_of_any_kind(FoundLine& line);
  [[nodiscard]] bool find_break(std::size_t& length);
  [[nodiscard]] bool refill();
  void skip_rest_of_line();
  void consume(std::size_t num_bytes);
  [[nodiscard]] std::string_view pending() const;

  std::filesystem::path file_;
  files::OpenFile input_;
  std::uint64_t file_bytes_ = 0;
  std::vector<char> buffer_;
  std::size_t first_ = 0;     // of the bytes in the buffer that were not given out
  std::size_t last_ = 0;      // one past them
  std::uint64_t offset_ = 0;  // of the byte at first_
  std::uint64_t number_ = 1;  // of the line that starts there
  bool inside_line_ = false;  // the rest of the line given out last is yet to be passed
};

}  // namespace talus::io::detail
