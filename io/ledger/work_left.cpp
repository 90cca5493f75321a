// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/work_left.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::io {

WorkLeft::WorkLeft(std::int64_t num_requests, std::span<std::int64_t const> done) {
  TALUS_EXPECT(std::is_sorted(done.begin(), done.end()));
  std::int64_t next = 0;
  for (std::int64_t const request : done) {
    add(next, request);
    next = request + 1;
  }
  add(next, num_requests);
}

void WorkLeft::add(std::int64_t first, std::int64_t end) {
  if (first < end) {
    runs_.push_back({.first = first, .count = end - first, .place = size()});
  }
}

std::vector<RequestRun> WorkLeft::at(std::int64_t place, std::int64_t count) const {
  std::vector<RequestRun> found;
  auto const ends_before = [](PlacedRun const& run, std::int64_t wanted) {
    return run.place + run.count <= wanted;
  };
  auto run = std::lower_bound(runs_.begin(), runs_.end(), place, ends_before);
  for (; run != runs_.end() && count > 0; ++run) {
    std::int64_t const skipped = place - run->place;
    std::int64_t const taken = std::min(run->count - skipped, count);
    found.push_back({.first = run->first + skipped, .count = taken});
    place += taken;
    count -= taken;
  }
  return found;
}

std::vector<std::byte> WorkLeft::to_bytes() const {
  return bytes_of(runs_);
}

WorkLeft WorkLeft::from_bytes(std::span<std::byte const> bytes) {
  WorkLeft left;
  left.runs_ = values_of<PlacedRun>(bytes);
  return left;
}

}  // namespace talus::io
