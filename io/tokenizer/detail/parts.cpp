// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/parts.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/tokenizer_class.hpp"
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
    if (added.token(id) == nullptr && vocabulary.token(id) == nullptr) {
      table.append({}, TokenBytes::Kind::unknown, false);
      continue;
    }
    std::string const text = added.text_for_decoder(id);
    // The text decides, not the id: a special token that normalizing changes isn't skipped.
    AddedToken const* const same_text = added.find(text);
    bool const is_special = same_text != nullptr && same_text->special;
    Decoder::Piece const piece = decoder.piece_of(text, false);
    table.append(piece.bytes,
                 is_special ? TokenBytes::Kind::special : TokenBytes::Kind::plain,
                 piece.is_byte);
  }
  return table;
}

// The largest published files are some 35 MB.
constexpr std::uintmax_t max_file_bytes = std::uintmax_t{256} << 20U;

void check_file_bytes(std::uintmax_t bytes, std::filesystem::path const& file) {
  if (bytes > max_file_bytes) {
    throw ConfigError{
        concat(file.string(), ": ", bytes, " bytes (at most ", max_file_bytes, " are read)")};
  }
}

std::string read_text(std::filesystem::path const& file) {
  std::error_code none;
  std::uintmax_t const size = std::filesystem::file_size(file, none);
  if (!none) {
    check_file_bytes(size, file);
  }
  return read_text_file(file);
}

/// JSON that knows its file's name.
struct ParsedFile {
  ParsedFile(std::string const& text, std::filesystem::path const& file)
      : name{file.string()}, json(parse_json(text, name)) {}

  [[nodiscard]] JsonField field() const { return {json, name}; }

  std::string name;
  Json json;
};

std::string model_type_of(std::optional<ParsedFile> const& config) {
  auto const type = config ? config->field().find("model_type") : std::nullopt;
  return type && type->json().is_string() ? type->string() : std::string{};
}

/// transformers lets it change the text of models that aren't BPE.
void refuse_clean_up(std::optional<JsonField> const& config, JsonField const& file) {
  auto const type = file.at("model").find("type");
  bool const is_unigram = type && type->string() == "Unigram";
  if (is_unigram && config && config->boolean_or("clean_up_tokenization_spaces", false)) {
    config->at("clean_up_tokenization_spaces")
        .refuse(
            "decoding that takes blanks before punctuation away is not supported; allowed is "
            "false");
  }
}

/// Refuses tokens around a text that no token has the id of.
void check_template(Parts const& parts, JsonField const& file) {
  PostProcessor const& tokens = parts.post_processor;
  for (auto const* const ids : {&tokens.before, &tokens.behind}) {
    for (TokenId const id : *ids) {
      if (parts.token_bytes.kind(id) == TokenBytes::Kind::unknown) {
        file.at("post_processor").refuse(concat("adds the id ", id, ", which no token has"));
      }
    }
  }
}

/// The steps that a text goes through.
std::unique_ptr<Parts> make_steps(JsonField const& file) {
  auto parts = std::make_unique<Parts>();
  if (auto const field = file.find("normalizer")) {
    parts->normalizer = make_normalizer(*field);
  }
  if (auto const field = file.find("pre_tokenizer")) {
    parts->pre_tokenizers = PreTokenizerChain{*field};
  }
  if (parts->normalizer && parts->normalizer->drops_text() && parts->pre_tokenizers.minds_first()) {
    file.at("normalizer")
        .refuse(
            "it drops characters, so that nobody knows where a text begins: not supported beside a "
            "Metaspace whose prepend_scheme is \"first\"");
  }
  parts->model = make_model(file.at("model"), parts->pre_tokenizers.alphabet());
  if (auto const field = file.find("post_processor")) {
    parts->post_processor = make_post_processor(*field);
  }
  if (auto const field = file.find("decoder")) {
    parts->decoder = Decoder{*field};
  }
  return parts;
}

}  // namespace

TokenizerFiles read_files(std::filesystem::path const& model_dir) {
  auto const read_if_there = [&](char const* name) -> std::optional<std::string> {
    std::filesystem::path const path = model_dir / name;
    return std::filesystem::exists(path) ? std::optional{read_text(path)} : std::nullopt;
  };
  std::filesystem::path const main_file = model_dir / "tokenizer.json";
  for (char const* const other : {"tiktoken.model", "tokenizer.model", "tekken.json"}) {
    if (!std::filesystem::exists(main_file) && std::filesystem::exists(model_dir / other)) {
      throw ConfigError{concat(main_file.string(),
                               ": can't be read (there is only ",
                               other,
                               ", which is not supported: transformers' save_pretrained() writes "
                               "tokenizer.json from it)")};
    }
  }
  return {.tokenizer_json = read_text(main_file),
          .tokenizer_config_json = read_if_there("tokenizer_config.json"),
          .special_tokens_map_json = read_if_there("special_tokens_map.json"),
          .config_json = read_if_there("config.json"),
          .dir = model_dir};
}

std::unique_ptr<Parts const> make_parts(TokenizerFiles const& files) {
  check_file_bytes(files.tokenizer_json.size(), files.dir / "tokenizer.json");
  auto const parse = [&](std::optional<std::string> const& text, char const* name) {
    return text ? std::optional<ParsedFile>{std::in_place, *text, files.dir / name} : std::nullopt;
  };
  auto const config_file = parse(files.tokenizer_config_json, "tokenizer_config.json");
  auto const map_file = parse(files.special_tokens_map_json, "special_tokens_map.json");
  auto const field_of = [](std::optional<ParsedFile> const& file) {
    return file ? std::optional{file->field()} : std::nullopt;
  };
  auto const config = field_of(config_file);
  TokenizerClass const tokenizer_class{
      config,
      model_type_of(parse(files.config_json, "config.json")),
      files.tokenizer_json.find("\"ByteLevel\"") != std::string::npos};
  ParsedFile file{files.tokenizer_json, files.dir / "tokenizer.json"};
  auto const version = file.field().find("version");
  if (version && version->string() != "1.0") {
    version->refuse("unknown version; 1.0 is supported");
  }
  tokenizer_class.rewrite(file.json, file.name);
  refuse_clean_up(config, file.field());

  auto parts = make_steps(file.field());
  Vocabulary const& vocabulary = parts->model->vocabulary();
  auto added = std::make_unique<AddedVocabulary>(vocabulary, parts->normalizer.get());
  added->add(make_added_tokens(file.field()));
  parts->roles = add_special_tokens(config,
                                    field_of(map_file),
                                    tokenizer_class.default_roles(),
                                    tokenizer_class.keeps_flags(),
                                    *added);
  added->build_matchers();
  parts->token_bytes = make_token_bytes(vocabulary, *added, parts->decoder);
  check_template(*parts, file.field());
  parts->added = std::move(added);
  return parts;
}

}  // namespace talus::io::tokenizer
