// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "io/json/json.hpp"
#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/special_tokens.hpp"

namespace talus::io::tokenizer {

/// What transformers does with a model's tokenizer.json: some of its classes take only the
/// vocabulary, the merges and the post-processor from the file and put their own steps around them.
class TokenizerClass {
 public:
  /// The class that AutoTokenizer of transformers 5.23 picks.
  ///
  /// \param config      tokenizer_config.json, if there is one
  /// \param model_type  of config.json; empty if there is none
  /// \param is_byte_level  whether tokenizer.json speaks of "ByteLevel"
  /// \throws ConfigError  naming the field, if the class is one that can't be followed
  TokenizerClass(std::optional<JsonField> const& config,
                 std::string const& model_type,
                 bool is_byte_level);

  /// Changes tokenizer.json into what the class makes of it.
  ///
  /// \throws ConfigError  naming the field, if the model isn't the class's kind
  void rewrite(Json& tokenizer_json, std::string const& file) const;

  /// The tokens that have a role though no file says so.
  [[nodiscard]] RoleTokens default_roles() const;

  /// False if the class adds its special tokens once more, without lstrip and the like.
  [[nodiscard]] bool keeps_flags() const noexcept { return kind_ != Kind::qwen2; }

 private:
  enum class Kind { as_written, llama, gemma, qwen2, gpt2 };

  static Kind pick(std::string const& name, std::string const& model_type, bool is_byte_level);

  void read_options(JsonField const& config);

  Kind kind_ = Kind::as_written;
  bool add_prefix_space_ = false;
  bool legacy_ = false;
  std::optional<std::string> unknown_;
  bool has_own_tokens_ = false;  // tokenizer_config.json lists the added tokens
};

}  // namespace talus::io::tokenizer
