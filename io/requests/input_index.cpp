// SPDX-License-Identifier: Apache-2.0
#include "io/requests/input_index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

// How an index travels: this, then its marks, as they lie in memory.
struct Header {
  std::uint64_t magic = 0x58444E4953554C54U;  // "TLUSINDX"
  std::int64_t num_requests = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t num_marks = 0;
};

static_assert(std::is_trivially_copyable_v<Header> && std::is_trivially_copyable_v<IndexMark>);

std::uint64_t marks_for(std::int64_t num_requests) {
  return static_cast<std::uint64_t>((num_requests + index_stride - 1) / index_stride);
}

}  // namespace

InputIndex::InputIndex(std::int64_t num_requests,
                       std::uint64_t file_bytes,
                       std::vector<IndexMark> marks)
    : num_requests_{num_requests}, file_bytes_{file_bytes}, marks_{std::move(marks)} {
  TALUS_EXPECT(num_requests >= 0 && marks_.size() == marks_for(num_requests));
}

bool InputIndex::is_duplicate(std::int64_t request) const {
  TALUS_EXPECT(request >= 0 && request < num_requests_);
  auto const& bits = marks_[static_cast<std::size_t>(request / index_stride)].duplicates;
  auto const bit = static_cast<std::size_t>(request % index_stride);
  return (bits[bit / 64] >> (bit % 64) & 1U) != 0;
}

std::int64_t InputIndex::num_duplicates() const noexcept {
  std::int64_t count = 0;
  for (auto const& mark : marks_) {
    for (auto const word : mark.duplicates) {
      count += std::popcount(word);
    }
  }
  return count;
}

std::vector<std::byte> InputIndex::to_bytes() const {
  Header const header{
      .num_requests = num_requests_, .file_bytes = file_bytes_, .num_marks = marks_.size()};
  auto const mark_bytes = std::as_bytes(std::span{marks_});
  std::vector<std::byte> bytes(sizeof header + mark_bytes.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  std::copy(mark_bytes.begin(), mark_bytes.end(), bytes.begin() + sizeof header);
  return bytes;
}

InputIndex InputIndex::from_bytes(std::span<std::byte const> bytes) {
  Header header;
  if (bytes.size() < sizeof header) {
    throw ConfigError{concat("index of the input: ", bytes.size(), " bytes (too few for one)")};
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  auto const rest = bytes.subspan(sizeof header);
  if (header.magic != Header{}.magic || header.num_requests < 0 ||
      header.num_marks != marks_for(header.num_requests) || rest.size() % sizeof(IndexMark) != 0 ||
      rest.size() / sizeof(IndexMark) != header.num_marks) {
    throw ConfigError{concat("index of the input: ", bytes.size(), " bytes that are not one")};
  }
  std::vector<IndexMark> marks(header.num_marks);
  if (!rest.empty()) {
    std::memcpy(marks.data(), rest.data(), rest.size());
  }
  return {header.num_requests, header.file_bytes, std::move(marks)};
}

}  // namespace talus::io
