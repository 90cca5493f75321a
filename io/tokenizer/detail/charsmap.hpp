// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/normalizer.hpp"

namespace talus::io::tokenizer {

/// SentencePiece's compiled normalization: a double-array trie over bytes whose values are places
/// in a list of replacements, each ended by a zero byte.
///
/// Applied as Hugging Face's "Precompiled" does: a grapheme of at most 5 bytes that begins with an
/// entry is replaced as a whole, by the shortest such entry; else each character for itself.
/// Reference: Yata, A Compression Method of Static Double-Array Using a Dictionary, and the layout
///            of his Darts-clone: offset, label and leaf flags in one 32-bit unit.
class Charsmap final : public Normalizer {
 public:
  /// From base64: the trie's size in bytes (32 bits, little-endian), the trie, the replacements.
  ///
  /// \throws ConfigError  naming the field, if it is damaged
  explicit Charsmap(JsonField const& field);

  void apply(std::string& text) const override;

  [[nodiscard]] bool drops_text() const noexcept override { return true; }

 private:
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const noexcept;
  void append_grapheme(std::string_view grapheme, std::string& text) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace talus::io::tokenizer
