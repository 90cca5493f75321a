// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace talus::io {

/// Hashes of what the lines of an output say, by custom_id: without what may vary from run to run
/// (`id`, `request_id`, `created`, `x_talus`). Several lines of one custom_id, which errors may
/// have, count together, in any order.
using AnswerHashes = std::map<std::string, std::uint64_t>;

/// \throws ConfigError  if the file can't be read, or has a line that is no answer
/// Cost: parses every line.
[[nodiscard]] AnswerHashes hash_answers(std::filesystem::path const& output);

/// One hash of all, 32 hexadecimal digits, whatever the order of the lines.
[[nodiscard]] std::string combine(AnswerHashes const& hashes);

}  // namespace talus::io
