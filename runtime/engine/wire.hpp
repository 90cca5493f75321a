// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/error.hpp"

/// \file
/// Values as bytes, for messages between ranks of one job: the same program on the same kind of
/// machine, so no byte order or version.

namespace talus::runtime {

/// Appends values to a message.
class WireWriter {
 public:
  explicit WireWriter(std::vector<std::byte>& bytes) : bytes_{&bytes} {}

  template <class T>
  requires std::is_trivially_copyable_v<T>

  void value(T const& value) {
    auto const* const raw = reinterpret_cast<std::byte const*>(&value);
    bytes_->insert(bytes_->end(), raw, raw + sizeof(T));
  }

  template <class T>
  requires std::is_trivially_copyable_v<T>

  void list(std::span<T const> values) {
    value(values.size());
    auto const raw = std::as_bytes(values);
    bytes_->insert(bytes_->end(), raw.begin(), raw.end());
  }

  void text(std::string_view text) { list(std::span<char const>{text.data(), text.size()}); }

 private:
  std::vector<std::byte>* bytes_;
};

/// Takes values from a message, in the order in which they were written.
class WireReader {
 public:
  explicit WireReader(std::span<std::byte const> bytes) : bytes_{bytes} {}

  template <class T>
  requires std::is_trivially_copyable_v<T>

  [[nodiscard]] T value() {
    T value;
    take(&value, sizeof(T));
    return value;
  }

  template <class T>
  requires std::is_trivially_copyable_v<T>

  [[nodiscard]] std::vector<T> list() {
    auto const size = value<std::size_t>();
    check(size <= bytes_.size() / sizeof(T));
    std::vector<T> values(size);
    take(values.data(), size * sizeof(T));
    return values;
  }

  [[nodiscard]] std::string text() {
    std::vector<char> const chars = list<char>();
    return {chars.begin(), chars.end()};
  }

 private:
  static void check(bool ok) {
    if (!ok) {
      throw Error{"a message between ranks is shorter than it says"};
    }
  }

  void take(void* to, std::size_t size) {
    check(size <= bytes_.size());
    if (size > 0) {
      std::memcpy(to, bytes_.data(), size);
    }
    bytes_ = bytes_.subspan(size);
  }

  std::span<std::byte const> bytes_;
};

}  // namespace talus::runtime
