// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/parts.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/decoder.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

std::vector<AddedToken> make_added_tokens(JsonField const& file) {
  std::vector<AddedToken> tokens;
  if (auto const list = file.find("added_tokens")) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      tokens.push_back(make_added_token(list->item(i)));
    }
  }
  return tokens;
}

TokenBytes make_token_bytes(Vocabulary const& vocabulary,
                            AddedVocabulary const& added,
                            Decoder const& decoder) {
  TokenBytes table;
  for (TokenId id = 0; id < std::max(vocabulary.end_id(), added.end_id()); ++id) {
    std::string const* const token = vocabulary.token(id);
    if (added.token(id) == nullptr && token == nullptr) {
      table.append({}, TokenBytes::Kind::unknown);
      continue;
    }
    std::string const text = added.token(id) != nullptr ? added.text_for_decoder(id) : *token;
    // The text decides, not the id: a special token that normalizing changes isn't skipped.
    AddedToken const* const same_text = added.find(text);
    bool const is_special = same_text != nullptr && same_text->special;
    table.append(decoder.bytes_of(text),
                 is_special ? TokenBytes::Kind::special : TokenBytes::Kind::plain);
  }
  return table;
}

// The largest published files are some 35 MB.
constexpr std::uintmax_t max_file_bytes = std::uintmax_t{256} << 20U;

std::string read_text(std::filesystem::path const& file) {
  std::error_code none;
  std::uintmax_t const size = std::filesystem::file_size(file, none);
  if (!none && size > max_file_bytes) {
    throw ConfigError{
        concat(file.string(), ": ", size, " bytes (at most ", max_file_bytes, " are read)")};
  }
  return read_text_file(file);
}

}  // namespace

TokenizerFiles read_files(std::filesystem::path const& model_dir) {
  auto const read_if_there = [&](char const* name) -> std::optional<std::string> {
    std::filesystem::path const path = model_dir / name;
    return std::filesystem::exists(path) ? std::optional{read_text(path)} : std::nullopt;
  };
  return {.tokenizer_json = read_text(model_dir / "tokenizer.json"),
          .tokenizer_config_json = read_if_there("tokenizer_config.json"),
          .special_tokens_map_json = read_if_there("special_tokens_map.json"),
          .config_json = read_if_there("config.json"),
          .dir = model_dir};
}

std::unique_ptr<Parts const> make_parts(TokenizerFiles const& files) {
  std::string const name = (files.dir / "tokenizer.json").string();
  Json const json = parse_json(files.tokenizer_json, name);
  JsonField const file{json, name};
  auto const version = file.find("version");
  if (version && version->string() != "1.0") {
    version->refuse("unknown version; 1.0 is supported");
  }

  auto parts = std::make_unique<Parts>();
  if (auto const field = file.find("normalizer")) {
    parts->normalizer = make_normalizer(*field);
  }
  if (auto const field = file.find("pre_tokenizer")) {
    parts->pre_tokenizers = PreTokenizerChain{*field};
  }
  parts->model = make_model(file.at("model"), parts->pre_tokenizers.alphabet());
  if (auto const field = file.find("post_processor")) {
    parts->post_processor = make_post_processor(*field);
  }
  auto const decoder_field = file.find("decoder");
  Decoder const decoder = decoder_field ? Decoder{*decoder_field} : Decoder{};

  Vocabulary const& vocabulary = parts->model->vocabulary();
  auto added = std::make_unique<AddedVocabulary>(vocabulary, parts->normalizer.get());
  added->add(make_added_tokens(file));
  parts->roles = add_special_tokens(files, *added);
  added->build_matchers();
  parts->token_bytes = make_token_bytes(vocabulary, *added, decoder);
  parts->separator = decoder.separator();
  parts->added = std::move(added);
  return parts;
}

}  // namespace talus::io::tokenizer
