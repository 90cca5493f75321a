// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// What decoding needs of each token, by id.
class TokenBytes {
 public:
  enum class Kind : std::uint8_t {
    unknown,  ///< no token has this id
    plain,
    special
  };

  /// Adds the next id. \throws ConfigError  if all have too many bytes (text_limit.hpp)
  void append(std::string_view bytes, Kind kind, bool is_byte);

  [[nodiscard]] std::string_view bytes(TokenId id) const noexcept {
    if (!has(id)) {
      return {};
    }
    auto const index = static_cast<std::size_t>(id);
    std::size_t const begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view{bytes_}.substr(begin, ends_[index] - begin);
  }

  [[nodiscard]] Kind kind(TokenId id) const noexcept {
    return has(id) ? kinds_[static_cast<std::size_t>(id)] : Kind::unknown;
  }

  /// True for one byte of a run of byte fallback.
  [[nodiscard]] bool is_byte(TokenId id) const noexcept {
    return has(id) && is_byte_[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] std::int64_t num_ids() const noexcept {
    return static_cast<std::int64_t>(ends_.size());
  }

 private:
  bool has(TokenId id) const noexcept { return id >= 0 && id < num_ids(); }

  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::vector<Kind> kinds_;
  std::vector<bool> is_byte_;
};

}  // namespace talus::io::tokenizer
