// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/token_id.hpp"

namespace talus::io {

namespace tokenizer {
struct Parts;
struct TextState;
}  // namespace tokenizer

/// Whether encode() puts the model's own tokens (beginning of text, ...) around the text.
enum class AddSpecialTokens { no, yes };

/// Whether decode() leaves special tokens out.
enum class SkipSpecialTokens { no, yes };

/// The names under which tokenizer_config.json keeps single tokens.
enum class TokenRole { bos, eos, unk, sep, pad, cls, mask };

/// The texts of a model's tokenizer files.
struct TokenizerFiles {
  std::string tokenizer_json;
  std::optional<std::string> tokenizer_config_json{};
  std::optional<std::string> special_tokens_map_json{};
  std::optional<std::string> config_json{};  ///< the model's; only its model_type counts
  std::filesystem::path dir{};               ///< what errors put before the files' names
};

/// Text to token ids and back, as a model's tokenizer.json says.
///
/// Gives the ids and the text that AutoTokenizer of transformers 5 gives, for the parts it knows:
/// BPE over bytes or characters with byte fallback, Unigram, and the normalizers, pre-tokenizers,
/// post-processors and decoders that models which generate use. Anything else is refused by name
/// when the files are loaded. Where a class of transformers (LlamaTokenizer, GemmaTokenizer,
/// Qwen2Tokenizer, GPT2Tokenizer) puts steps of its own in place of the file's, so does load().
///
/// What a letter or a digit is, and normal forms, come from the Oniguruma and utf8proc that are
/// linked in. tokenizers 0.23 has newer tables for patterns (Unicode 16) and older ones for normal
/// forms (Unicode 9): characters that came to Unicode since may be cut or normalized differently.
///
/// All members may be called from several threads at once, but load() by one at a time.
class Tokenizer {
 public:
  /// Reads tokenizer.json and, where they exist, tokenizer_config.json and special_tokens_map.json.
  ///
  /// As in transformers, the post-processor of tokenizer.json decides which tokens encode() adds;
  /// add_bos_token and add_eos_token are not looked at. Tokens that the other two files name and
  /// tokenizer.json lacks are added to the vocabulary.
  ///
  /// \throws ConfigError  naming the file and the field, if a file is missing or damaged or asks
  /// for
  ///                      what is not supported
  [[nodiscard]] static Tokenizer load(std::filesystem::path const& model_dir);

  /// The same from memory, for whoever has the texts and no directory:
  /// `Tokenizer::parse({.tokenizer_json = text})`. Touches no file.
  ///
  /// \throws ConfigError  as load()
  [[nodiscard]] static Tokenizer parse(TokenizerFiles const& files);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// The ids of `text`; bytes that are not UTF-8 count as U+FFFD.
  ///
  /// \throws ConfigError  if a pattern of the tokenizer needs too many steps on this text, the text
  /// is
  ///                      or becomes longer than 64 MiB, or the model can't write a character of
  ///                      it
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, AddSpecialTokens add) const;

  /// The text of `ids`: UTF-8 with U+FFFD for bytes that are no text. Unknown ids are left out.
  [[nodiscard]] std::string decode(std::span<TokenId const> ids, SkipSpecialTokens skip) const;

  /// Largest id + 1.
  [[nodiscard]] std::int64_t vocab_size() const noexcept;

  /// The id of the token that is spelled so in the vocabulary.
  [[nodiscard]] std::optional<TokenId> token_id(std::string_view token) const;

  /// The vocabulary's spelling: in a byte-level vocabulary "Ġthe" for " the".
  [[nodiscard]] std::optional<std::string> token(TokenId id) const;

  /// The bytes that a token adds to a text, perhaps part of a character; empty for an unknown id.
  /// What decode() changes at a text's beginning and end doesn't show.
  [[nodiscard]] std::string_view token_bytes(TokenId id) const noexcept;

  /// Appends to `text` what a token makes final in a text that is decoded token by token; for
  /// StreamDecoder.
  void push(TokenId id,
            SkipSpecialTokens skip,
            tokenizer::TextState& state,
            std::string& text) const;

  /// Appends what is left at the end; the next push() begins a new text.
  void finish(tokenizer::TextState& state, std::string& text) const;

  /// True if `id` is a token that was added as special.
  [[nodiscard]] bool is_special(TokenId id) const;

  /// True if decode() adds nothing for `id`: it is unknown, or special and to be skipped.
  [[nodiscard]] bool is_skipped(TokenId id, SkipSpecialTokens skip) const noexcept;

  /// The spelling of the token with that role, if tokenizer_config.json names one.
  [[nodiscard]] std::optional<std::string> role_token(TokenRole role) const;

  [[nodiscard]] std::optional<std::string> bos_token() const { return role_token(TokenRole::bos); }

  [[nodiscard]] std::optional<std::string> eos_token() const { return role_token(TokenRole::eos); }

  [[nodiscard]] std::optional<std::string> unk_token() const { return role_token(TokenRole::unk); }

  [[nodiscard]] std::optional<std::string> pad_token() const { return role_token(TokenRole::pad); }

 private:
  explicit Tokenizer(std::unique_ptr<tokenizer::Parts const> parts) noexcept;

  std::unique_ptr<tokenizer::Parts const> parts_;
};

}  // namespace talus::io
