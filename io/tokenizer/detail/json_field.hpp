// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/json/json.hpp"

namespace talus::io::tokenizer {

/// A value in a JSON file that knows where it stands, so that an error can say it.
class JsonField {
 public:
  /// The whole of `file`; both must outlive this and every field taken from it.
  JsonField(Json const& root, std::string const& file);

  /// The member `key` of this object. \throws ConfigError if it isn't there
  [[nodiscard]] JsonField at(std::string_view key) const;

  /// The member `key`; nothing if it is absent or null.
  [[nodiscard]] std::optional<JsonField> find(std::string_view key) const;

  /// The elements of this array, or members of this object.
  [[nodiscard]] std::size_t size() const;

  /// The element at `index` of this array.
  [[nodiscard]] JsonField item(std::size_t index) const;

  /// This string. \throws ConfigError if it isn't one; so do the next two
  [[nodiscard]] std::string const& string() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int32_t id() const;

  /// This string, which must be one character.
  [[nodiscard]] std::string const& character() const;

  /// This number of things, at most 2^16.
  [[nodiscard]] std::size_t count() const;

  /// The member `key` as a truth value, or `otherwise` if it is absent or null.
  [[nodiscard]] bool boolean_or(std::string_view key, bool otherwise) const;

  /// The value, for a caller that goes through many.
  [[nodiscard]] Json const& json() const noexcept { return *value_; }

  /// Where the value stands: the file and the path in it.
  [[nodiscard]] std::string place() const;

  /// Throws ConfigError: file, path, the value (cut short) and the reason.
  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  JsonField(Json const& value, std::string const& file, std::string path);

  Json const* value_;
  std::string const* file_;
  std::string path_;
};

}  // namespace talus::io::tokenizer
