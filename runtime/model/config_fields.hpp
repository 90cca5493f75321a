// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.hpp"

namespace talus::runtime {

/// Reads the fields of a config.json; each error names the file, the field, its value and what is
/// allowed.
class ConfigFields {
 public:
  /// \param fields  an object; must outlive this
  /// \param source  the file's name, and the path to a nested object
  ConfigFields(io::Json const& fields, std::string source);

  /// A positive integer that must be there.
  [[nodiscard]] std::int64_t size(std::string_view name) const;

  /// A positive integer, or `fallback` where the field is missing or null.
  [[nodiscard]] std::int64_t size_or(std::string_view name, std::int64_t fallback) const;

  /// An integer from 0 on, or `fallback` where the field is missing or null.
  [[nodiscard]] std::int64_t count_or(std::string_view name, std::int64_t fallback) const;

  /// A number, or `fallback` where the field is missing or null.
  [[nodiscard]] double number_or(std::string_view name, double fallback) const;

  /// A number that must be there.
  [[nodiscard]] double number(std::string_view name) const;

  /// A flag, or `fallback` where the field is missing; null is false.
  [[nodiscard]] bool flag_or(std::string_view name, bool fallback) const;

  /// A string, or `fallback` where the field is missing or null.
  [[nodiscard]] std::string text_or(std::string_view name, std::string_view fallback) const;

  /// Whether the field is there and not null.
  [[nodiscard]] bool has(std::string_view name) const;

  /// The field, or null.
  [[nodiscard]] io::Json const* find(std::string_view name) const;

  /// Whether the field is there, null or not.
  [[nodiscard]] bool is_given(std::string_view name) const;

  /// Whether anyone has asked for the field.
  [[nodiscard]] bool was_asked(std::string_view name) const { return asked_->contains(name); }

  /// A nested object's fields, if it is there and not null.
  [[nodiscard]] std::optional<ConfigFields> object(std::string_view name) const;

  /// Throws ConfigError for a field: "FILE: field = value (why)".
  [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

  /// Refuses the field unless it is missing, null, or equal to `only`.
  void expect_only(std::string_view name, bool only, std::string_view why) const;
  void expect_only(std::string_view name, double only, std::string_view why) const;
  void expect_only(std::string_view name, char const* only, std::string_view why) const;

  /// A list of integers, empty where the field is missing or null.
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const;

  /// A list of numbers, empty where the field is missing or null.
  [[nodiscard]] std::vector<double> numbers(std::string_view name) const;

  /// A list of strings, empty where the field is missing or null.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;

  /// The names of all fields.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] std::string const& source() const noexcept { return source_; }

 private:
  template <class T, class IsKind>
  [[nodiscard]] std::vector<T> list_of(std::string_view name,
                                       IsKind const& is_kind,
                                       std::string_view why) const;
  void expect_equal(std::string_view name, io::Json const& only, std::string_view why) const;

  io::Json const* fields_;
  std::string source_;
  std::shared_ptr<std::set<std::string, std::less<>>> asked_;
};

}  // namespace talus::runtime
