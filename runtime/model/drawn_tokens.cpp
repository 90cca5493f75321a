// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/drawn_tokens.hpp"

#include <algorithm>
#include <cstring>

namespace talus::runtime {

DrawnTokens::DrawnTokens(kernels::ExecContext const& exec, std::int64_t most)
    : tokens_(static_cast<std::size_t>(most)) {
  if (exec.device != nullptr) {
    fetch_ = exec.device->make_fetch(most * static_cast<std::int64_t>(sizeof(std::int32_t)));
  }
}

void DrawnTokens::start(std::span<std::int32_t const> drawn) {
  tokens_.resize(drawn.size());
  if (fetch_) {
    fetch_->start(drawn.data(), static_cast<std::int64_t>(drawn.size_bytes()));
  } else {
    std::copy(drawn.begin(), drawn.end(), tokens_.begin());
  }
}

std::span<std::int32_t const> DrawnTokens::wait() {
  if (fetch_) {
    std::span<std::byte const> const bytes = fetch_->wait();
    std::memcpy(tokens_.data(), bytes.data(), bytes.size());
  }
  return tokens_;
}

}  // namespace talus::runtime
