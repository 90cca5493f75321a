// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace talus::io {

/// 128 bits of hash of a text, as 32 digits: XXH3, against accidents and not against malice.
[[nodiscard]] std::string hash_text(std::string_view text);

/// Likewise of a file's content.
///
/// \throws ConfigError  if it can't be read
/// Cost: reads all of it, in large reads.
[[nodiscard]] std::string hash_file(std::filesystem::path const& file);

/// Likewise of `num_spots` evenly spread pieces of 4 KiB of a file, its end included, and of its
/// size: tells apart files of one layout, such as the weights before and after a fine-tuning.
///
/// \throws ConfigError  if it can't be read
[[nodiscard]] std::string hash_spots(std::filesystem::path const& file, int num_spots);

}  // namespace talus::io
