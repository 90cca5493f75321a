// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/routed_counts.hpp"

#include "kernels/transfer.hpp"

namespace talus::runtime {

RoutedCounts::RoutedCounts(kernels::ExecContext const& exec,
                           std::int64_t layers,
                           std::int64_t experts)
    : exec_{exec}, experts_{static_cast<std::size_t>(experts)}, counts_{exec, layers * experts} {
  kernels::clear(exec, counts_.span());
}

std::span<std::int64_t> RoutedCounts::add_layer() {
  return counts_.span().subspan(layers_++ * experts_, experts_);
}

void RoutedCounts::take(std::vector<std::int64_t>& counts) {
  counts.resize(layers_ * experts_);
  kernels::download(exec_, counts_.data(), std::span{counts});
  kernels::clear(exec_, counts_.span());
}

}  // namespace talus::runtime
