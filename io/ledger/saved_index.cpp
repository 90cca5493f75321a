// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/saved_index.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/value_bytes.hpp"

namespace talus::io {

SavedIndex::SavedIndex(std::filesystem::path ledger, std::vector<SavedPlace> saved)
    : ledger_{std::move(ledger)}, saved_{std::move(saved)} {}

std::vector<SavedTokens> SavedIndex::find(std::int64_t request) const {
  auto const first = std::partition_point(
      saved_.begin(), saved_.end(), [&](SavedPlace const& s) { return s.request < request; });
  auto const last = std::partition_point(
      first, saved_.end(), [&](SavedPlace const& s) { return s.request == request; });
  if (first == last) {
    return {};
  }
  return read_saved_tokens(ledger_, {first, last});
}

std::int64_t SavedIndex::num_requests() const noexcept {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < saved_.size(); ++i) {
    count += i == 0 || saved_[i].request != saved_[i - 1].request ? 1 : 0;
  }
  return count;
}

std::vector<std::byte> SavedIndex::to_bytes() const {
  return bytes_of(saved_);
}

SavedIndex SavedIndex::from_bytes(std::filesystem::path ledger, std::span<std::byte const> bytes) {
  return {std::move(ledger), values_of<SavedPlace>(bytes)};
}

}  // namespace talus::io
