// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/expert_counts.hpp"

#include "runtime/base/assert.hpp"

namespace talus::io::detail {

ExpertCounts::ExpertCounts(std::size_t layers, std::size_t experts)
    : experts_{experts},
      totals_(layers * experts),
      totals_before_(layers * experts),
      taken_(layers * experts) {}

void ExpertCounts::add(std::size_t layer, std::span<std::int32_t const> tokens) noexcept {
  TALUS_EXPECT(tokens.size() == experts_ && (layer + 1) * experts_ <= totals_.size());
  for (std::size_t e = 0; e < tokens.size(); ++e) {
    if (tokens[e] == 0) {
      continue;  // as most are, when few sequences decode
    }
    // One thread writes, so a load and a store do, where an atomic addition would lock the bus.
    auto& total = totals_[layer * experts_ + e];
    total.store(total.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(tokens[e]),
                std::memory_order_relaxed);
  }
}

bool ExpertCounts::take() {
  bool any = false;
  for (std::size_t i = 0; i < totals_.size(); ++i) {
    std::uint64_t const total = totals_[i].load(std::memory_order_relaxed);
    taken_[i] = static_cast<std::uint32_t>(total - totals_before_[i]);
    totals_before_[i] = total;
    any = any || taken_[i] != 0;
  }
  return any;
}

}  // namespace talus::io::detail
