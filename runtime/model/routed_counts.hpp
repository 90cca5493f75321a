// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/exec_context.hpp"

namespace talus::runtime {

/// How many tokens of this rank were routed to each expert of each layer: counted where activations
/// are, and brought to the host when somebody asks.
class RoutedCounts {
 public:
  RoutedCounts() = default;

  /// Of all layers that have experts.
  RoutedCounts(kernels::ExecContext const& exec, std::int64_t layers, std::int64_t experts);

  /// [experts] of the next layer, where activations are.
  ///
  /// \pre called no more often than there are layers
  [[nodiscard]] std::span<std::int64_t> add_layer();

  /// [layers, experts] the numbers since the last call; begins anew.
  void take(std::vector<std::int64_t>& counts);

 private:
  kernels::ExecContext exec_;
  std::size_t experts_ = 0;
  std::size_t layers_ = 0;  ///< that were added
  kernels::Buffer<std::int64_t> counts_;
};

}  // namespace talus::runtime
