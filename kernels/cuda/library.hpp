// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/cuda/module.hpp"

namespace talus::kernels::cuda {

/// The module with kernels for NVIDIA GPUs, opened when a program asks for it: so that one program
/// runs with and without CUDA's libraries, and a driver.
struct Library {
  Module const* module = nullptr;
  std::string reason;  ///< why there is none: empty where there is
};

/// Where the module may be, the likeliest first: beside the program, as it is built, and in the
/// library folder beside the program's, as it is installed.
[[nodiscard]] std::vector<std::filesystem::path> module_paths();

/// Opens the first file of `paths` that is there. Stays open to the program's end.
[[nodiscard]] Library open_library(std::vector<std::filesystem::path> const& paths);

/// The GPUs of this process, or why it has none: no module, none of its libraries, no driver, no
/// card.
[[nodiscard]] Devices find_devices();

}  // namespace talus::kernels::cuda
