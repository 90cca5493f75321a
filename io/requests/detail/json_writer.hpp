// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace talus::io::detail {

/// Writes JSON text piece by piece, on one line, with the commas put where they belong.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }

  JsonWriter& end_object() { return close('}'); }

  JsonWriter& begin_array() { return open('['); }

  JsonWriter& end_array() { return close(']'); }

  /// The key of the value that is written next.
  JsonWriter& key(std::string_view name);

  /// A string; bytes that are not UTF-8 become U+FFFD.
  JsonWriter& text(std::string_view value);

  JsonWriter& integer(std::int64_t value);

  /// In the fewest digits that give the same float back; null for a number that is not finite.
  JsonWriter& number(float value);

  /// A time in seconds, in microseconds' resolution.
  JsonWriter& seconds(double value);

  JsonWriter& null();

  /// What was written so far.
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view value);
  void separate();
  void append_quoted(std::string_view value);

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace talus::io::detail
