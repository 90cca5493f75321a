// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/file_reader.hpp"

/// \file
/// Records that check themselves, one behind the other in a file: what a crash left of the last one
/// is told from whole ones.
///
/// A record is 8 bytes of checksum, 4 bytes of its payload's length, 4 bytes of its kind, then the
/// payload; numbers are little-endian. The checksum (XXH3, 64 bits) is of all that follows it, and
/// its seed is the record's place in the file, so that a piece of another file is no record here.

namespace talus::io {

/// What a record of a ledger says.
enum class RecordKind : std::uint32_t {
  identity = 1,  ///< first of a file: what the run is, by name
  session = 2,   ///< a run went on here: how much of the output it found good
  answer = 3,    ///< a request's line is in the output, an answer
  error = 4,     ///< likewise, an error
  tokens = 5,    ///< tokens of an answer that is not finished
};

/// A record's bytes before its payload.
inline constexpr std::int64_t record_head_bytes = 16;

/// Appends a record to `out`, which will be written at `place` of the file.
///
/// \param place  bytes from the start of the file to the start of `out`
/// \pre  the payload is shorter than 2 GiB
void append_record(std::string& out, std::int64_t place, RecordKind kind, std::string_view payload);

/// A record that was read.
struct Record {
  RecordKind kind{};
  std::int64_t place = 0;  ///< bytes from the start of the file
  std::string payload;
};

/// Reads the records of a file from its start, or from any record's place on.
class RecordReader {
 public:
  /// \throws ConfigError  if the file can't be read
  explicit RecordReader(std::filesystem::path file);

  /// Reads the next record.
  ///
  /// \return  false where no whole record follows: at the end, or where one is torn or damaged
  /// \throws ConfigError  if the file can't be read
  [[nodiscard]] bool next(Record& record);

  /// Goes to a record.
  void go_to(std::int64_t place) noexcept { place_ = place; }

  /// Where the next record is, or would be: bytes from the start of the file.
  [[nodiscard]] std::int64_t place() const noexcept { return place_; }

  /// Length of the file when it was opened.
  [[nodiscard]] std::int64_t file_bytes() const noexcept { return file_.file_bytes(); }

 private:
  [[nodiscard]] bool fetch(std::int64_t bytes);

  files::FileReader file_;
  std::int64_t place_ = 0;
  std::vector<std::byte> window_;  ///< of the file
  std::int64_t window_place_ = 0;
};

}  // namespace talus::io
