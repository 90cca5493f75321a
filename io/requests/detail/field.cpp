// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/field.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include "io/requests/detail/utf8.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr std::size_t shown_bytes = 80;

// The number as a whole one, also where it is written as 3.0 or 3e2.
std::optional<std::int64_t> whole_number(Json const& value) {
  constexpr double limit = 9007199254740992.0;  // 2^53: above it not every whole number is a double
  if (value.is_number_unsigned()) {
    auto const number = value.get<std::uint64_t>();
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return number <= most ? std::optional{static_cast<std::int64_t>(number)} : std::nullopt;
  }
  if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  }
  auto const number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) > limit) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

void need_number(Field const& field, std::string_view why) {
  if (!field.value.is_number()) {
    refuse("invalid_type", field, why);
  }
}

}  // namespace

std::string clip(std::string_view text) {
  if (text.size() <= shown_bytes) {
    return to_utf8(text);
  }
  std::size_t end = 0;
  while (end < shown_bytes) {
    end += utf8_step(text, end).num_bytes;
  }
  return to_utf8(text.substr(0, end)) + "...";
}

std::string show(Json const& value) {
  // A large value is not printed whole only to be cut.
  if (value.is_array() && value.size() > shown_bytes) {
    return concat("a list of ", value.size(), " entries");
  }
  if (value.is_string()) {
    auto const& text = value.get_ref<std::string const&>();
    return '"' + clip(text) + '"';
  }
  return clip(value.dump());
}

void refuse(std::string_view code, Field const& field, std::string_view why) {
  throw Refusal{
      std::string{code}, field.path, concat(field.path, ": ", show(field.value), " (", why, ')')};
}

void refuse_missing(std::string_view path, std::string_view why) {
  throw Refusal{"missing_field", std::string{path}, concat(path, ": missing (", why, ')')};
}

std::string const& as_text(Field const& field) {
  if (!field.value.is_string()) {
    refuse("invalid_type", field, "must be a string");
  }
  return field.value.get_ref<std::string const&>();
}

bool as_bool(Field const& field) {
  if (!field.value.is_boolean()) {
    refuse("invalid_type", field, "must be true or false");
  }
  return field.value.get<bool>();
}

float as_float(Field const& field) {
  need_number(field, "must be a number");
  return static_cast<float>(field.value.get<double>());
}

std::int32_t as_int(Field const& field) {
  need_number(field, "must be a whole number");
  auto const number = whole_number(field.value);
  if (!number || *number < std::numeric_limits<std::int32_t>::min() ||
      *number > std::numeric_limits<std::int32_t>::max()) {
    refuse("invalid_value", field, "must be a whole number from -2147483648 to 2147483647");
  }
  return static_cast<std::int32_t>(*number);
}

std::uint64_t as_seed(Field const& field) {
  need_number(field, "must be a whole number");
  if (field.value.is_number_unsigned()) {
    return field.value.get<std::uint64_t>();
  }
  auto const number = whole_number(field.value);
  if (!number) {
    refuse("invalid_value", field, "must be a whole number from -2^63 to 2^64 - 1");
  }
  return static_cast<std::uint64_t>(*number);
}

std::vector<std::int32_t> as_token_ids(Field const& field) {
  need_array(field);
  std::vector<std::int32_t> tokens;
  tokens.reserve(field.value.size());
  for (auto const& entry : field.value) {
    bool const is_id = entry.is_number_unsigned() &&
                       entry.get<std::uint64_t>() <= std::numeric_limits<std::int32_t>::max();
    if (!is_id) {
      auto const path = concat(field.path, '[', tokens.size(), ']');
      refuse(entry.is_number() ? "invalid_value" : "invalid_type",
             {entry, path},
             "must be a token id, a whole number from 0 to 2147483647");
    }
    tokens.push_back(entry.get<std::int32_t>());
  }
  return tokens;
}

std::vector<std::string> as_texts(Field const& field) {
  if (field.value.is_string()) {
    return {field.value.get<std::string>()};
  }
  if (!field.value.is_array()) {
    refuse("invalid_type", field, "must be a string or a list of strings");
  }
  std::vector<std::string> texts;
  for (auto const& entry : field.value) {
    texts.push_back(as_text({entry, concat(field.path, '[', texts.size(), ']')}));
  }
  return texts;
}

void need_object(Field const& field) {
  if (!field.value.is_object()) {
    refuse("invalid_type", field, "must be an object");
  }
}

void need_array(Field const& field) {
  if (!field.value.is_array()) {
    refuse("invalid_type", field, "must be a list");
  }
}

}  // namespace talus::io::detail
