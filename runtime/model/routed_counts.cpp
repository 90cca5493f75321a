// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/routed_counts.hpp"

#include <cstddef>
#include <cstring>

#include "kernels/transfer.hpp"

namespace talus::runtime {

RoutedCounts::RoutedCounts(kernels::ExecContext const& exec,
                           std::int64_t layers,
                           std::int64_t experts)
    : exec_{exec}, experts_{static_cast<std::size_t>(experts)}, counts_{exec, layers * experts} {
  kernels::clear(exec, counts_.span());
  if (exec.device != nullptr) {
    fetch_ = exec.device->make_fetch(counts_.bytes());
  }
}

std::span<std::int64_t> RoutedCounts::add_layer() {
  return counts_.span().subspan(layers_++ * experts_, experts_);
}

void RoutedCounts::start_taking() {
  if (fetch_) {
    fetch_->start(counts_.data(), counts_.bytes());
  } else {
    taken_.assign(counts_.span().begin(), counts_.span().end());
  }
  kernels::clear(exec_, counts_.span());
}

void RoutedCounts::finish_taking(std::vector<std::int64_t>& counts) {
  if (fetch_) {
    counts.resize(static_cast<std::size_t>(counts_.size()));
    std::span<std::byte const> const bytes = fetch_->wait();
    std::memcpy(counts.data(), bytes.data(), bytes.size());
  } else {
    counts = taken_;
  }
}

}  // namespace talus::runtime
