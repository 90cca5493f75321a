// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/post_processor.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace talus::io::tokenizer {
namespace {

void append_ids(JsonField const& template_field,
                JsonField const& special_token,
                std::vector<TokenId>& ids) {
  JsonField const name = special_token.at("id");
  JsonField const list = template_field.at("special_tokens").at(name.string()).at("ids");
  for (std::size_t i = 0; i < list.size(); ++i) {
    ids.push_back(list.item(i).id());
  }
}

PostProcessor make_template(JsonField const& field) {
  PostProcessor tokens;
  bool has_text = false;
  JsonField const pieces = field.at("single");
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    JsonField const piece = pieces.item(i);
    if (std::optional<JsonField> const special = piece.find("SpecialToken")) {
      append_ids(field, *special, has_text ? tokens.behind : tokens.before);
      continue;
    }
    JsonField const sequence = piece.at("Sequence").at("id");
    if (has_text || sequence.string() != "A") {
      sequence.refuse("a template for a single text has it once, as A");
    }
    has_text = true;
  }
  if (!has_text) {
    pieces.refuse("a template for a single text has it once, as A");
  }
  return tokens;
}

PostProcessor make_sequence(JsonField const& list) {
  PostProcessor tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    PostProcessor const outer = make_post_processor(list.item(i));
    tokens.before.insert(tokens.before.begin(), outer.before.begin(), outer.before.end());
    tokens.behind.insert(tokens.behind.end(), outer.behind.begin(), outer.behind.end());
  }
  return tokens;
}

}  // namespace

PostProcessor make_post_processor(JsonField const& field) {
  JsonField const type_field = field.at("type");
  std::string const& type = type_field.string();
  if (type == "ByteLevel") {
    return {};  // it moves offsets, which nobody asks for here
  }
  if (type == "TemplateProcessing") {
    return make_template(field);
  }
  if (type == "Sequence") {
    return make_sequence(field.at("processors"));
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{field.at("cls").item(1).id()}, {field.at("sep").item(1).id()}};
  }
  type_field.refuse(
      "unknown post-processor; TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing "
      "and Sequence are supported");
}

}  // namespace talus::io::tokenizer
