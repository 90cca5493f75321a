// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace talus::io::detail {

/// Running totals of the tokens routed to each expert, added up by one thread and read by another.
class ExpertCounts {
 public:
  ExpertCounts(std::size_t layers, std::size_t experts);

  /// Adds `tokens` [experts] to a layer's totals. The producer's thread; never waits.
  void add(std::size_t layer, std::span<std::int32_t const> tokens) noexcept;

  /// Finds what was added since the last call; returns false if nothing was. The consumer's thread.
  [[nodiscard]] bool take();

  /// [layers, experts] what the last take() found.
  [[nodiscard]] std::span<std::uint32_t const> taken() const noexcept { return taken_; }

 private:
  std::size_t experts_;
  std::vector<std::atomic<std::uint64_t>> totals_;
  std::vector<std::uint64_t> totals_before_;  // at the last take()
  std::vector<std::uint32_t> taken_;
};

}  // namespace talus::io::detail
