// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/json_field.hpp"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {

JsonField::JsonField(Json const& root, std::string const& file) : JsonField{root, file, "$"} {}

JsonField::JsonField(Json const& value, std::string const& file, std::string path)
    : value_{&value}, file_{&file}, path_{std::move(path)} {}

JsonField JsonField::at(std::string_view key) const {
  if (!value_->is_object()) {
    refuse("must be an object");
  }
  auto const found = value_->find(std::string{key});
  if (found == value_->end()) {
    refuse(concat("has no \"", key, "\", which is needed"));
  }
  return {*found, *file_, concat(path_, '.', key)};
}

std::optional<JsonField> JsonField::find(std::string_view key) const {
  if (!value_->is_object()) {
    refuse("must be an object");
  }
  auto const found = value_->find(std::string{key});
  if (found == value_->end() || found->is_null()) {
    return std::nullopt;
  }
  return JsonField{*found, *file_, concat(path_, '.', key)};
}

std::size_t JsonField::size() const {
  if (!value_->is_structured()) {
    refuse("must be an array or an object");
  }
  return value_->size();
}

JsonField JsonField::item(std::size_t index) const {
  if (!value_->is_array()) {
    refuse("must be an array");
  }
  if (index >= value_->size()) {
    refuse(concat("must have more than ", index, " elements"));
  }
  return {value_->at(index), *file_, concat(path_, '[', index, ']')};
}

std::string const& JsonField::string() const {
  if (!value_->is_string()) {
    refuse("must be a string");
  }
  return value_->get_ref<std::string const&>();
}

bool JsonField::boolean() const {
  if (!value_->is_boolean()) {
    refuse("must be true or false");
  }
  return value_->get<bool>();
}

std::int32_t JsonField::id() const {
  if (!value_->is_number_unsigned() ||
      value_->get<std::uint64_t>() >= std::numeric_limits<std::int32_t>::max()) {
    refuse("must be a token id: an integer from 0 to 2147483646");
  }
  return value_->get<std::int32_t>();
}

std::string const& JsonField::character() const {
  std::string const& text = string();
  std::size_t position = 0;
  if (!text.empty()) {
    (void)next_character(text, position);
  }
  if (text.empty() || position != text.size()) {
    refuse("must be one character");
  }
  return text;
}

std::size_t JsonField::count() const {
  constexpr std::int64_t max_count = 1 << 16;
  if (!value_->is_number_integer() || value_->get<std::int64_t>() < 0 ||
      value_->get<std::int64_t>() > max_count) {
    refuse("must be an integer from 0 to 65536");
  }
  return value_->get<std::size_t>();
}

bool JsonField::boolean_or(std::string_view key, bool otherwise) const {
  std::optional<JsonField> const member = find(key);
  return member ? member->boolean() : otherwise;
}

std::string JsonField::place() const {
  return concat(*file_, ": ", path_);
}

void JsonField::refuse(std::string_view reason) const {
  std::size_t longest = 60;
  std::string shown = value_->is_structured() ? value_->type_name() : value_->dump();
  if (shown.size() > longest) {
    while ((static_cast<unsigned char>(shown[longest]) & 0xC0U) == 0x80U) {
      --longest;  // not amid a character
    }
    shown.resize(longest);
    shown += "...";
  }
  throw ConfigError{concat(place(), ": ", shown, " (", reason, ')')};
}

}  // namespace talus::io::tokenizer
