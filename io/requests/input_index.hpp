// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace talus::io {
namespace detail {
class LineReader;
}  // namespace detail

/// Requests between two marks of an index.
inline constexpr std::int64_t index_stride = 256;

/// Where a run of `index_stride` requests begins, and which of them repeat a custom_id.
struct IndexMark {
  std::uint64_t offset = 0;                   ///< bytes from the file's start
  std::uint64_t line = 0;                     ///< number of the line at offset, from 1
  std::array<std::uint64_t, 4> duplicates{};  ///< bit i: the i-th request repeats an earlier id

  bool operator==(IndexMark const&) const = default;
};

/// What must be known of an input file before any of it is worked on: 48 bytes for 256 requests.
///
/// Requests are the lines that are not blank, counted from 0. Read-only once made.
class InputIndex {
 public:
  /// Of an empty file.
  InputIndex() = default;

  InputIndex(std::int64_t num_requests, std::uint64_t file_bytes, std::vector<IndexMark> marks);

  [[nodiscard]] std::int64_t num_requests() const noexcept { return num_requests_; }

  /// The file's size when it was indexed.
  [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }

  /// The mark of the requests from mark * index_stride on.
  [[nodiscard]] std::span<IndexMark const> marks() const noexcept { return marks_; }

  /// Whether an earlier request has the same custom_id.
  /// \pre  0 <= request < num_requests()
  [[nodiscard]] bool is_duplicate(std::int64_t request) const;

  [[nodiscard]] std::int64_t num_duplicates() const noexcept;

  /// The index as bytes, to be sent to other ranks of the job.
  [[nodiscard]] std::vector<std::byte> to_bytes() const;

  /// The reverse of to_bytes.
  /// \throws ConfigError  if the bytes are not those of an index
  [[nodiscard]] static InputIndex from_bytes(std::span<std::byte const> bytes);

  bool operator==(InputIndex const&) const = default;

 private:
  std::int64_t num_requests_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::vector<IndexMark> marks_;
};

/// Hashes that index_input may hold at once.
inline constexpr std::size_t default_hash_limit = std::size_t{4} << 20U;

/// Goes through a file once, and finds where its requests are and which repeat a custom_id.
///
/// Ids are compared by 64-bit hashes, at most about `hash_limit` of them in memory (16 to 32 bytes
/// each); a file with more requests is read again, a share of the hashes each time. Two different
/// ids count as equal with probability n^2 / 2^65: 3e-8 for a million requests.
///
/// \throws ConfigError  if the file can't be read
/// \pre  hash_limit is not 0
/// Cost: 250 MB/s or better on one core where the file is in memory.
[[nodiscard]] InputIndex index_input(std::filesystem::path const& file,
                                     std::size_t hash_limit = default_hash_limit);

/// A request as it stands in the input.
struct InputLine {
  std::string text{};         ///< without its line break; cut after max_line_bytes + 1 bytes
  std::int64_t number = 0;    ///< of the line, from 1
  bool is_duplicate = false;  ///< an earlier request has the same custom_id

  bool operator==(InputLine const&) const = default;
};

/// Reads requests by their number; going on where the last call ended costs no seek.
class RequestReader {
 public:
  /// \throws ConfigError  if the file can't be read, or has another size than when it was indexed
  RequestReader(std::filesystem::path file, InputIndex index);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  [[nodiscard]] InputIndex const& index() const noexcept { return index_; }

  /// The requests from `first` on, `count` of them or as many as there are.
  ///
  /// \throws ConfigError  if the file is not what was indexed
  /// \pre  first and count not negative
  /// Cost: a call that does not go on from the last one reads up to 255 requests to find its place.
  [[nodiscard]] std::vector<InputLine> read(std::int64_t first, std::int64_t count);

 private:
  void go_to(std::int64_t request);

  std::filesystem::path file_;
  InputIndex index_;
  std::int64_t next_ = 0;
  std::unique_ptr<detail::LineReader> lines_;
};

}  // namespace talus::io
