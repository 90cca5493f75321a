// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/repetition.hpp"

namespace talus::runtime {

RepetitionWatch::RepetitionWatch(RepetitionRule const& rule) : rule_{rule} {
  if (rule.max_size > 0) {
    equal_.resize(static_cast<std::size_t>(rule.max_size - rule.min_size) + 1);
  }
}

void RepetitionWatch::add(std::span<std::int32_t const> output) {
  is_circling_ = false;
  std::size_t const last = output.size() - 1;
  for (std::size_t i = 0; i < equal_.size(); ++i) {
    auto const size = static_cast<std::size_t>(rule_.min_size) + i;
    if (size > last) {
      break;
    }
    equal_[i] = output[last] == output[last - size] ? equal_[i] + 1 : 0;
    auto const wanted = static_cast<std::int64_t>(size) * (rule_.min_count - 1);
    is_circling_ = is_circling_ || equal_[i] >= wanted;
  }
}

}  // namespace talus::runtime
