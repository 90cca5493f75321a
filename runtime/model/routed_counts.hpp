// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/device.hpp"
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

  /// Has the numbers since the last call brought, behind the operations before; begins anew.
  void start_taking();

  /// [layers, experts] the numbers that the last start_taking() had brought: waits for them, and
  /// for nothing that was queued behind.
  void finish_taking(std::vector<std::int64_t>& counts);

 private:
  kernels::ExecContext exec_;
  std::size_t experts_ = 0;
  std::size_t layers_ = 0;  ///< that were added
  kernels::Buffer<std::int64_t> counts_;
  std::unique_ptr<kernels::DeviceFetch> fetch_;  ///< null where memory is the host's
  std::vector<std::int64_t> taken_;              ///< there
};

}  // namespace talus::runtime
