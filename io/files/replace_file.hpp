// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace talus::io::files {

/// Writes a file and puts it in its place at once: whoever reads `file` finds the bytes that were
/// there before, or `bytes`, and never a part of them. Meanwhile they are in `file`.tmp.
///
/// \throws ConfigError  naming the file, if it can't be written
void replace_file(std::filesystem::path const& file, std::string_view bytes);

}  // namespace talus::io::files
