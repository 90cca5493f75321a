// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/tokenizer/detail/added_vocabulary.hpp"
#include "io/tokenizer/detail/decoder.hpp"
#include "io/tokenizer/detail/model.hpp"
#include "io/tokenizer/detail/normalizer.hpp"
#include "io/tokenizer/detail/post_processor.hpp"
#include "io/tokenizer/detail/pre_tokenizer.hpp"
#include "io/tokenizer/detail/special_tokens.hpp"
#include "io/tokenizer/detail/token_bytes.hpp"
#include "io/tokenizer/tokenizer.hpp"

namespace talus::io::tokenizer {

/// What a tokenizer is made of, in the order in which a text passes through.
struct Parts {
  std::unique_ptr<Normalizer const> normalizer;  // null: none
  PreTokenizerChain pre_tokenizers;
  std::unique_ptr<Model const> model;
  std::unique_ptr<AddedVocabulary const> added;  // refers to the model and the normalizer
  PostProcessor post_processor;

  Decoder decoder;
  TokenBytes token_bytes;  // what the decoder makes of each token that isn't the first
  RoleTokens roles;
};

/// The texts of a model's files. \throws ConfigError  as Tokenizer::load()
[[nodiscard]] TokenizerFiles read_files(std::filesystem::path const& model_dir);

/// A tokenizer from its files' texts. \throws ConfigError  as Tokenizer::load()
[[nodiscard]] std::unique_ptr<Parts const> make_parts(TokenizerFiles const& files);

}  // namespace talus::io::tokenizer
