// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {

/// A backend that this build has and this processor can run.
struct Target {
  Backend backend;
  Operations operations;
  /// Null where memory is the host's.
  std::unique_ptr<Device> (*make_device)(DeviceOptions const& options) = nullptr;
};

/// All of them, the fastest last.
[[nodiscard]] std::vector<Target> const& targets();

}  // namespace talus::kernels
