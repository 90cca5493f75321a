// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/detail/manifest_field.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr std::size_t most_text_bytes = 1000;
constexpr std::size_t hash_digits = 16;

bool is_of_names(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string hash_text(std::uint64_t hash) {
  std::array<char, hash_digits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

bool ManifestField::has(char const* key) const {
  return json_->is_object() && json_->contains(key);
}

ManifestField ManifestField::at(char const* key) const {
  if (!json_->is_object()) {
    fail(concat(show_json(*json_), " (must be an object)"));
  }
  auto const found = json_->find(key);
  if (found == json_->end()) {
    fail(concat("no \"", key, "\" (must be there)"));
  }
  return {*found, concat(where_, ": ", key)};
}

ManifestField ManifestField::at(std::int64_t index) const {
  return {(*json_)[static_cast<std::size_t>(index)], concat(where_, '[', index, ']')};
}

ManifestField ManifestField::named(std::string_view name) const {
  return {*json_, concat(where_, " \"", show_text(name), '"')};
}

std::int64_t ManifestField::size() const {
  if (!json_->is_array()) {
    fail(concat(show_json(*json_), " (must be an array)"));
  }
  return static_cast<std::int64_t>(json_->size());
}

std::string ManifestField::text() const {
  if (!json_->is_string() || json_->get_ref<std::string const&>().empty() ||
      json_->get_ref<std::string const&>().size() > most_text_bytes) {
    fail(concat(show_json(*json_), " (must be a text of 1 to ", most_text_bytes, " bytes)"));
  }
  return json_->get<std::string>();
}

std::string ManifestField::file_name() const {
  std::string name = text();
  if (name.front() == '.' || name.size() > 255 || !std::ranges::all_of(name, is_of_names)) {
    fail(concat(show_json(*json_), " (must be the name of a file in the folder)"));
  }
  return name;
}

std::int64_t ManifestField::integer(std::int64_t least, std::int64_t most) const {
  bool const is_small = json_->is_number_unsigned()
                            ? json_->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                            : json_->is_number_integer();
  if (!is_small || json_->get<std::int64_t>() < least || json_->get<std::int64_t>() > most) {
    fail(concat(show_json(*json_), " (must be an integer from ", least, " to ", most, ')'));
  }
  return json_->get<std::int64_t>();
}

std::uint64_t ManifestField::hash() const {
  std::string const digits = text();
  std::uint64_t value = 0;
  auto const [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != hash_digits || error != std::errc{} ||
      end != digits.data() + digits.size()) {
    fail(concat(show_json(*json_), " (must be ", hash_digits, " hexadecimal digits)"));
  }
  return value;
}

void ManifestField::fail(std::string_view what) const {
  throw ConfigError{concat(where_, ": ", what)};
}

}  // namespace talus::io::detail
