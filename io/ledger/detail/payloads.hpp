// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace talus::io::detail {

/// The payload of RecordKind::answer and error.
struct LinePayload {
  std::int64_t request = 0;
  std::int64_t output_end = 0;
  std::uint64_t line_hash = 0;
};

/// A payload of fixed size.
template <class T>
requires std::is_trivially_copyable_v<T>

[[nodiscard]] std::string_view format_payload(T const& value) {
  return {reinterpret_cast<char const*>(&value), sizeof value};
}

/// The reverse of format_payload; none if the size isn't right.
template <class T>
requires std::is_trivially_copyable_v<T>

[[nodiscard]] std::optional<T> parse_payload(std::string_view payload) {
  T value;
  if (payload.size() != sizeof value) {
    return std::nullopt;
  }
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace talus::io::detail
