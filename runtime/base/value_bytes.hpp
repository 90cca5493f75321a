// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace talus {

/// Plain values, or a text, as bytes for another rank of the job.
template <class Values>
[[nodiscard]] std::vector<std::byte> bytes_of(Values const& values) {
  static_assert(std::is_trivially_copyable_v<typename Values::value_type>);
  auto const bytes = std::as_bytes(std::span{values});
  return {bytes.begin(), bytes.end()};
}

/// The reverse: as many values as the bytes hold whole.
template <class T>
[[nodiscard]] std::vector<T> values_of(std::span<std::byte const> bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  return values;
}

/// Bytes that are a text. The bytes outlive it.
[[nodiscard]] inline std::string_view as_text(std::span<std::byte const> bytes) noexcept {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace talus
