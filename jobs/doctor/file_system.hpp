// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace talus::doctor {

/// The kind of file system that a path lies on, as the kernel's number tells it: "lustre", "gpfs",
/// "nfs", "ext", ...; an unknown number in hexadecimal, and "unknown" if the system doesn't tell.
[[nodiscard]] std::string file_system_of(std::filesystem::path const& path);

/// The name for a number of statfs(2).
[[nodiscard]] std::string file_system_name(std::uint64_t magic);

}  // namespace talus::doctor
