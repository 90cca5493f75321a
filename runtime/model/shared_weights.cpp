// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/shared_weights.hpp"

#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace talus::runtime {
namespace {

constexpr std::size_t cache_line = 64;

bool contains(std::span<std::byte const> memory, void const* address) {
  auto const* const byte = static_cast<std::byte const*>(address);
  std::less<> const is_before;
  return !is_before(byte, memory.data()) && is_before(byte, memory.data() + memory.size());
}

}  // namespace

parallel::Communicator weight_sharers(parallel::ProcessGrid const& grid) {
  parallel::GridCoord const here = grid.here();
  parallel::GridShape const& shape = grid.shape();
  int const place = (here.pp * shape.tp + here.tp) * shape.ep + here.ep;
  return grid.node().split(place, grid.world().rank());
}

std::int64_t shared_weight_bytes(std::int64_t bytes) {
  // Matrices are kilobytes at least, and vectors, which are not shared, are counted in `bytes`.
  constexpr std::int64_t least_slack = 65536;
  return bytes + bytes / 256 + least_slack;
}

std::unique_ptr<SharedWeights> SharedWeights::make(parallel::Communicator sharers,
                                                   std::int64_t bytes) {
  std::int64_t const part = (bytes + sharers.size() - 1) / sharers.size();
  std::optional<parallel::SharedWindow> window =
      parallel::SharedWindow::allocate(sharers, static_cast<std::size_t>(part));
  return window ? std::make_unique<SharedWeights>(std::move(sharers), std::move(*window)) : nullptr;
}

SharedWeights::SharedWeights(parallel::Communicator sharers, parallel::SharedWindow window)
    : sharers_{std::move(sharers)}, window_{std::move(window)} {}

void* SharedWeights::take(std::int64_t bytes) {
  std::size_t const size = (static_cast<std::size_t>(bytes) + cache_line - 1) / cache_line;
  std::span<std::byte> const all = window_.all();
  if (size * cache_line > all.size() - taken_) {
    return nullptr;
  }
  void* const memory = all.data() + taken_;
  taken_ += size * cache_line;
  return memory;
}

bool SharedWeights::is_filled_here(void const* memory) const {
  if (!holds(memory)) {
    return true;
  }
  int filler = 0;  // what begins between two parts is the former's
  for (int rank = 0; rank < sharers_.size(); ++rank) {
    if (!std::less<>{}(static_cast<std::byte const*>(memory), window_.part(rank).data())) {
      filler = rank;
    }
  }
  return filler == sharers_.rank();
}

bool SharedWeights::holds(void const* memory) const {
  return contains(window_.all(), memory);
}

void SharedWeights::publish() const {
  window_.publish(sharers_);
}

}  // namespace talus::runtime
