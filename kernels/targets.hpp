// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/cuda/module.hpp"
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
  /// Null where there is nothing to choose among.
  cuda::Devices (*devices)() = nullptr;
};

/// All of them, the fastest last.
[[nodiscard]] std::vector<Target> const& targets();

/// The devices that this process sees and has to choose among for a backend, none with the reason
/// if there are no GPUs or no kernels for them; nothing where it has no choice.
///
/// \throws ConfigError  if the backend is another one that this machine can't run
[[nodiscard]] std::optional<cuda::Devices> visible_devices(Backend backend);

}  // namespace talus::kernels
