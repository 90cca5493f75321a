// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/json/json.hpp"

namespace talus::io::detail {

/// A hash as sixteen hexadecimal digits.
[[nodiscard]] std::string hash_text(std::uint64_t hash);

/// A value of a manifest, and where it stands there. All that is asked of it throws a ConfigError
/// that says where, if it isn't so.
class ManifestField {
 public:
  /// Keeps a pointer to `json`, and a place that begins with `source`.
  ManifestField(Json const& json, std::string source) : json_{&json}, where_{std::move(source)} {}

  [[nodiscard]] bool has(char const* key) const;

  /// Of an object; the value is there.
  [[nodiscard]] ManifestField at(char const* key) const;

  /// Of an array.
  [[nodiscard]] ManifestField at(std::int64_t index) const;

  /// The same, called by a name of its own.
  [[nodiscard]] ManifestField named(std::string_view name) const;

  /// Elements of an array.
  [[nodiscard]] std::int64_t size() const;

  /// A text of 1 to 1000 bytes.
  [[nodiscard]] std::string text() const;

  /// A name of letters, digits, '-', '_' and '.', that doesn't begin with '.': no path.
  [[nodiscard]] std::string file_name() const;

  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;

  [[nodiscard]] std::uint64_t hash() const;

  /// \throws ConfigError  "WHERE: WHAT"
  [[noreturn]] void fail(std::string_view what) const;

 private:
  Json const* json_;
  std::string where_;
};

}  // namespace talus::io::detail
