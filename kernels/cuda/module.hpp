// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::cuda {

/// A GPU that this process sees.
struct DeviceInfo {
  std::string name;
  std::string uuid;  ///< 32 hexadecimal digits; two ranks that see the same have one card
  int major = 0;     ///< compute capability
  int minor = 0;
  int num_multiprocessors = 0;
  std::int64_t memory_bytes = 0;
  std::string pci{};  ///< address, as the system writes it: "0000:3b:00.0"; of its card, if it is a
                      ///< part of one
};

/// The GPUs that there are, or why there are none.
struct Devices {
  std::vector<DeviceInfo> found;
  std::string reason;  ///< empty where some were found
};

/// What libtalus_cuda has for the program that opens it: both are of one build.
struct Module {
  Devices (*devices)() = nullptr;
  /// \throws ApiError  if there is no such device, or not so much memory
  std::unique_ptr<kernels::Device> (*make_device)(DeviceOptions const& options) = nullptr;
  /// Puts the operations that have kernels into a table; they want an ExecContext with a device.
  void (*set_operations)(Operations& table) = nullptr;
};

/// The name of the function, without mangling, that gives the module.
inline constexpr char const* module_entry = "talus_cuda_module";

using ModuleEntry = Module const*();

}  // namespace talus::kernels::cuda
