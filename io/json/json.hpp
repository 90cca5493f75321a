// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace talus::io {

/// A JSON value whose objects keep the order of their keys, as a chat template prints them.
using Json = nlohmann::ordered_json;

/// Levels of arrays and objects within each other that parse_json takes.
inline constexpr int max_json_depth = 200;

/// Values of a text, nested ones counted, that parse_json takes: about 1 GiB in memory. Eight times
/// the largest tokenizer.json's.
inline constexpr std::int64_t max_json_values = std::int64_t{1} << 24;

/// Bytes of a file that read_text_file takes; eight times the largest tokenizer.json's.
inline constexpr std::int64_t max_text_file_bytes = std::int64_t{256} << 20;

/// Reads JSON text.
///
/// \param text    UTF-8; bytes that are not make an error
/// \param source  what to call it in an error: a file's name, "line 12 of FILE"
/// \throws ConfigError  with the source, line, column and the reason; also for what goes beyond the
///                      limits above, for a duplicate key of an object, and for a number that
///                      overflows
/// Cost: linear in the text, however many keys an object has.
[[nodiscard]] Json parse_json(std::string_view text, std::string_view source);

/// Reads a file of JSON.
///
/// \throws ConfigError  if it can't be read or parse_json refuses it
[[nodiscard]] Json read_json_file(std::filesystem::path const& file);

/// Reads a whole file as bytes.
///
/// \throws ConfigError  if it can't be read, is not a regular file, or is larger than
///                      max_text_file_bytes
[[nodiscard]] std::string read_text_file(std::filesystem::path const& file);

/// A value as an error shows it: as JSON, cut after 80 bytes.
[[nodiscard]] std::string show_json(Json const& value);
[[nodiscard]] std::string show_json(nlohmann::json const& value);

/// What an exception of the JSON library says, without its number there, cut after 300 bytes.
[[nodiscard]] std::string json_reason(std::exception const& error);

/// Text from a file as an error shows it: as a JSON string without its quotes, cut after 200 bytes.
/// Bytes that are not UTF-8 show as U+FFFD, so that an error is always text.
[[nodiscard]] std::string show_text(std::string_view text);

}  // namespace talus::io
