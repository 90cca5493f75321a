// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace talus::io {

/// A JSON value whose objects keep the order of their keys, as a chat template prints them.
using Json = nlohmann::ordered_json;

/// Reads JSON text.
///
/// \param text    UTF-8; bytes that are not make an error
/// \param source  what to call it in an error: a file's name, "line 12 of FILE"
/// \throws ConfigError  with the source, the byte offset and the reason; also for nesting deeper than
///                      200 levels, for a duplicate key of an object, and for a number that overflows
[[nodiscard]] Json parse_json(std::string_view text, std::string_view source);

/// Reads a file of JSON.
///
/// \throws ConfigError  if it can't be read or parse_json refuses it
[[nodiscard]] Json read_json_file(std::filesystem::path const& file);

/// Reads a whole file as bytes.
///
/// \throws ConfigError  if it can't be read
[[nodiscard]] std::string read_text_file(std::filesystem::path const& file);

}  // namespace talus::io
