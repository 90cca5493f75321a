// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.hpp"

namespace talus::io::detail {

/// What makes parse_request give an error: thrown and caught inside it, never out of it.
struct Refusal {
  std::string code;
  std::string param;
  std::string message;
};

/// A value in a request and the way to it, such as "body.messages[2].role".
struct Field {
  Json const& value;
  std::string path;
};

/// The beginning of a text, short enough for a message.
[[nodiscard]] std::string clip(std::string_view text);

/// A value as JSON text, short enough for a message.
[[nodiscard]] std::string show(Json const& value);

/// Throws a Refusal "<path>: <value> (<why>)".
[[noreturn]] void refuse(std::string_view code, Field const& field, std::string_view why);

/// Throws a Refusal with code "missing_field".
[[noreturn]] void refuse_missing(std::string_view path, std::string_view why);

/// The value as the type that it must have.
/// \throws Refusal  with code "invalid_type" for another type, "invalid_value" out of range
/// @{
[[nodiscard]] std::string const& as_text(Field const& field);
[[nodiscard]] bool as_bool(Field const& field);
[[nodiscard]] float as_float(Field const& field);
[[nodiscard]] std::int32_t as_int(Field const& field);
[[nodiscard]] std::uint64_t as_seed(Field const& field);
[[nodiscard]] std::vector<std::int32_t> as_token_ids(Field const& field);
/// @}

/// A string, or a list of strings.
[[nodiscard]] std::vector<std::string> as_texts(Field const& field);

/// Checks that the value is an object or an array.
/// @{
void need_object(Field const& field);
void need_array(Field const& field);
/// @}

}  // namespace talus::io::detail
