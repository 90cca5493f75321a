// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace talus::io {

/// Requests of an input that follow one another, by number.
struct RequestRun {
  std::int64_t first = 0;
  std::int64_t count = 0;

  bool operator==(RequestRun const&) const = default;
};

/// Which requests of an input are yet to be done: 24 bytes for each run of them.
///
/// They are in order of their numbers; a place among them, from 0, is what replicas take from their
/// queue.
class WorkLeft {
 public:
  /// None.
  WorkLeft() = default;

  /// All of [0, num_requests) but those of `done`, ascending.
  WorkLeft(std::int64_t num_requests, std::span<std::int64_t const> done);

  /// How many are left.
  [[nodiscard]] std::int64_t size() const noexcept {
    return runs_.empty() ? 0 : runs_.back().place + runs_.back().count;
  }

  /// The requests at places [place, place + count), or as many of them as there are.
  /// \pre place and count are not negative
  [[nodiscard]] std::vector<RequestRun> at(std::int64_t place, std::int64_t count) const;

  /// As bytes, for other ranks of the job.
  [[nodiscard]] std::vector<std::byte> to_bytes() const;

  /// The reverse of to_bytes.
  [[nodiscard]] static WorkLeft from_bytes(std::span<std::byte const> bytes);

 private:
  struct PlacedRun {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t place = 0;  ///< of its first request
  };

  void add(std::int64_t first, std::int64_t end);

  std::vector<PlacedRun> runs_;
};

}  // namespace talus::io
