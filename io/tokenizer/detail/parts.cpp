// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/parts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/decoder.hpp"

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

}  // namespace

std::unique_ptr<Parts const> load_parts(std::filesystem::path const& model_dir) {
  std::string const name = (model_dir / "tokenizer.json").string();
  Json const json = read_json_file(name);
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
  parts->roles = add_special_tokens(model_dir, *added);
  added->build_matchers();
  parts->token_bytes = make_token_bytes(vocabulary, *added, decoder);
  parts->separator = decoder.separator();
  parts->added = std::move(added);
  return parts;
}

}  // namespace talus::io::tokenizer
