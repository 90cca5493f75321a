// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/exec_context.hpp"

namespace talus::runtime {

/// The tokens that a step draws, on their way to the host: it may ask a device for the next step
/// before it has them.
class DrawnTokens {
 public:
  /// \param most  rows of a step at most
  DrawnTokens(kernels::ExecContext const& exec, std::int64_t most);

  /// Has them brought, behind the operations before. What an earlier call brought is gone.
  ///
  /// \param drawn  [rows] in the context's memory
  void start(std::span<std::int32_t const> drawn);

  /// Waits for them, and for nothing that was queued behind them.
  ///
  /// \return [rows], good until the next start()
  [[nodiscard]] std::span<std::int32_t const> wait();

 private:
  std::unique_ptr<kernels::DeviceFetch> fetch_;  ///< null where memory is the host's
  std::vector<std::int32_t> tokens_;
};

}  // namespace talus::runtime
