// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/assert.hpp"

namespace talus::io::detail {

/// Packs numbers and texts for another rank to unpack with ByteReader.
class ByteWriter {
 public:
  /// Small numbers take few bytes: seven bits a byte.
  /// \pre value >= 0
  void number(std::int64_t value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (; rest >= 0x80U; rest >>= 7U) {
      bytes_.push_back(static_cast<char>((rest & 0x7FU) | 0x80U));
    }
    bytes_.push_back(static_cast<char>(rest));
  }

  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }

  [[nodiscard]] std::vector<char> const& bytes() const noexcept { return bytes_; }

 private:
  std::vector<char> bytes_;
};

/// Unpacks what a ByteWriter packed, in the same order.
class ByteReader {
 public:
  explicit ByteReader(std::span<char const> bytes) : rest_{bytes} {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  [[nodiscard]] std::int64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7U) {
      TALUS_EXPECT(!rest_.empty());
      auto const byte = static_cast<unsigned char>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) {
        return static_cast<std::int64_t>(value);
      }
    }
  }

  [[nodiscard]] std::string text() {
    auto const length = static_cast<std::size_t>(number());
    TALUS_EXPECT(length <= rest_.size());
    std::string value{rest_.data(), length};
    rest_ = rest_.subspan(length);
    return value;
  }

 private:
  std::span<char const> rest_;
};

}  // namespace talus::io::detail
