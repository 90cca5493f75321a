// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/record.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include <xxhash.h>

#include "runtime/base/assert.hpp"

namespace talus::io {
namespace {

static_assert(std::endian::native == std::endian::little, "ledgers are little-endian");

constexpr std::int64_t window_bytes = std::int64_t{1} << 20;
constexpr std::size_t checksum_bytes = 8;

struct Head {
  std::uint64_t checksum = 0;
  std::uint32_t payload_bytes = 0;
  RecordKind kind{};
};

static_assert(sizeof(Head) == record_head_bytes);

/// The checksum of what begins with a head and its payload.
std::uint64_t checksum_of(char const* record, std::size_t bytes, std::int64_t place) {
  return XXH3_64bits_withSeed(
      record + checksum_bytes, bytes - checksum_bytes, static_cast<std::uint64_t>(place));
}

}  // namespace

void append_record(std::string& out,
                   std::int64_t place,
                   RecordKind kind,
                   std::string_view payload) {
  TALUS_EXPECT(payload.size() <= std::numeric_limits<std::int32_t>::max());
  Head head{.payload_bytes = static_cast<std::uint32_t>(payload.size()), .kind = kind};
  std::size_t const first = out.size();
  out.append(reinterpret_cast<char const*>(&head), sizeof head);
  out.append(payload);
  head.checksum =
      checksum_of(out.data() + first, out.size() - first, place + static_cast<std::int64_t>(first));
  std::memcpy(out.data() + first, &head.checksum, sizeof head.checksum);
}

RecordReader::RecordReader(std::filesystem::path file) : file_{std::move(file)} {}

bool RecordReader::next(Record& record) {
  if (!fetch(record_head_bytes)) {
    return false;
  }
  Head head;
  std::memcpy(&head, window_.data() + (place_ - window_place_), sizeof head);
  std::int64_t const bytes = record_head_bytes + std::int64_t{head.payload_bytes};
  if (!fetch(bytes)) {
    return false;
  }
  char const* const first =
      reinterpret_cast<char const*>(window_.data() + (place_ - window_place_));
  if (checksum_of(first, static_cast<std::size_t>(bytes), place_) != head.checksum) {
    return false;
  }
  record.kind = head.kind;
  record.place = place_;
  record.payload.assign(first + record_head_bytes, head.payload_bytes);
  place_ += bytes;
  return true;
}

/// Brings bytes from place_ on into the window; false if the file hasn't so many.
bool RecordReader::fetch(std::int64_t bytes) {
  std::int64_t const left = file_.file_bytes() - place_;
  if (bytes > left) {
    return false;
  }
  std::int64_t const window_end = window_place_ + std::ssize(window_);
  if (place_ < window_place_ || place_ + bytes > window_end) {
    window_.resize(static_cast<std::size_t>(std::min(std::max(bytes, window_bytes), left)));
    window_place_ = place_;
    file_.read(place_, window_);
  }
  return true;
}

}  // namespace talus::io
