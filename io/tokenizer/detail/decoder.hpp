// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"

namespace talus::io::tokenizer {

/// Turns the vocabulary's spellings back into text. Each token's bytes depend on it alone, so that
/// a text is its tokens' bytes, one after the other.
class Decoder {
 public:
  /// Writes spellings as they are, with a blank between two.
  Decoder() = default;

  /// \throws ConfigError  naming the field, if its type is unknown, it is damaged, or a step comes
  ///                      behind one that joins the tokens
  explicit Decoder(JsonField const& field);

  /// The bytes that `token` stands for.
  [[nodiscard]] std::string bytes_of(std::string_view token) const;

  /// What stands between two tokens.
  [[nodiscard]] std::string_view separator() const noexcept { return separator_; }

  /// Changes one token.
  class Step {
   public:
    virtual ~Step() = default;
    [[nodiscard]] virtual std::string apply(std::string_view token) const = 0;
  };

 private:
  void add_steps(JsonField const& field);
  void add_sequence(JsonField const& list);

  std::vector<std::unique_ptr<Step const>> steps_;
  bool is_joined_ = false;  // the tokens are one text by now
  std::string_view separator_ = " ";
};

}  // namespace talus::io::tokenizer
