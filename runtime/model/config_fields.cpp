// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/config_fields.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

// No shape of a real model comes near it, and products of two still fit in 64 bits.
constexpr std::int64_t largest_size = std::int64_t{1} << 31;

}  // namespace

ConfigFields::ConfigFields(io::Json const& fields, std::string source)
    : fields_{&fields},
      source_{std::move(source)},
      asked_{std::make_shared<std::set<std::string, std::less<>>>()} {
  if (!fields.is_object()) {
    throw ConfigError{concat(source_, ": not a JSON object")};
  }
}

std::vector<std::string> ConfigFields::names() const {
  std::vector<std::string> names;
  for (auto const& [name, value] : fields_->items()) {
    names.push_back(name);
  }
  return names;
}

bool ConfigFields::is_given(std::string_view name) const {
  asked_->emplace(name);
  return fields_->contains(name);
}

io::Json const* ConfigFields::find(std::string_view name) const {
  asked_->emplace(name);
  auto const at = fields_->find(name);
  return at == fields_->end() || at->is_null() ? nullptr : &*at;
}

bool ConfigFields::has(std::string_view name) const {
  return find(name) != nullptr;
}

void ConfigFields::refuse(std::string_view name, std::string_view why) const {
  io::Json const* const value = find(name);
  std::string const shown = value != nullptr ? value->dump().substr(0, 80) : "missing";
  throw ConfigError{concat(source_, ": ", name, " = ", shown, " (", why, ')')};
}

std::int64_t ConfigFields::size(std::string_view name) const {
  io::Json const* const value = find(name);
  if (value == nullptr || !value->is_number_integer() || value->get<std::int64_t>() < 1 ||
      value->get<std::int64_t>() > largest_size) {
    refuse(name, "must be a positive integer");
  }
  return value->get<std::int64_t>();
}

std::int64_t ConfigFields::size_or(std::string_view name, std::int64_t fallback) const {
  return has(name) ? size(name) : fallback;
}

std::int64_t ConfigFields::count_or(std::string_view name, std::int64_t fallback) const {
  io::Json const* const value = find(name);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > largest_size) {
    refuse(name, "must be an integer from 0 on");
  }
  return value->get<std::int64_t>();
}

double ConfigFields::number(std::string_view name) const {
  io::Json const* const value = find(name);
  if (value == nullptr || !value->is_number()) {
    refuse(name, "must be a number");
  }
  return value->get<double>();
}

double ConfigFields::number_or(std::string_view name, double fallback) const {
  return has(name) ? number(name) : fallback;
}

bool ConfigFields::flag_or(std::string_view name, bool fallback) const {
  io::Json const* const value = find(name);
  if (value == nullptr) {
    return fallback && !is_given(name);
  }
  if (!value->is_boolean()) {
    refuse(name, "must be true or false");
  }
  return value->get<bool>();
}

std::string ConfigFields::text_or(std::string_view name, std::string_view fallback) const {
  io::Json const* const value = find(name);
  if (value == nullptr) {
    return std::string{fallback};
  }
  if (!value->is_string()) {
    refuse(name, "must be a string");
  }
  return value->get<std::string>();
}

std::optional<ConfigFields> ConfigFields::object(std::string_view name) const {
  io::Json const* const value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  return ConfigFields{*value, concat(source_, ": ", name)};
}

void ConfigFields::expect_equal(std::string_view name,
                                io::Json const& only,
                                std::string_view why) const {
  io::Json const* const value = find(name);
  if (value != nullptr && *value != only) {
    refuse(name, why);
  }
}

void ConfigFields::expect_only(std::string_view name, bool only, std::string_view why) const {
  expect_equal(name, only, why);
}

void ConfigFields::expect_only(std::string_view name, double only, std::string_view why) const {
  expect_equal(name, only, why);
}

void ConfigFields::expect_only(std::string_view name,
                               char const* only,
                               std::string_view why) const {
  expect_equal(name, only, why);
}

template <class T, class IsKind>
std::vector<T> ConfigFields::list_of(std::string_view name,
                                     IsKind const& is_kind,
                                     std::string_view why) const {
  std::vector<T> values;
  io::Json const* const list = find(name);
  if (list == nullptr) {
    return values;
  }
  if (!list->is_array() || !std::all_of(list->begin(), list->end(), is_kind)) {
    refuse(name, why);
  }
  for (io::Json const& value : *list) {
    values.push_back(value.get<T>());
  }
  return values;
}

std::vector<std::int64_t> ConfigFields::integers(std::string_view name) const {
  return list_of<std::int64_t>(
      name,
      [](io::Json const& value) { return value.is_number_integer(); },
      "must be a list of integers");
}

std::vector<double> ConfigFields::numbers(std::string_view name) const {
  return list_of<double>(
      name, [](io::Json const& value) { return value.is_number(); }, "must be a list of numbers");
}

std::vector<std::string> ConfigFields::texts(std::string_view name) const {
  return list_of<std::string>(
      name, [](io::Json const& value) { return value.is_string(); }, "must be a list of strings");
}

}  // namespace talus::runtime
