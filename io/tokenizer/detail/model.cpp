// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/model.hpp"

#include <optional>

#include "io/tokenizer/detail/bpe_model.hpp"
#include "io/tokenizer/detail/unigram_model.hpp"

namespace talus::io::tokenizer {

std::unique_ptr<Model const> make_model(JsonField const& field, WordAlphabet alphabet) {
  std::optional<JsonField> const type = field.find("type");
  // Files of before 2020 don't say the type; merges are BPE's.
  if (type ? type->string() == "BPE" : field.find("merges").has_value()) {
    return std::make_unique<BpeModel>(field, alphabet);
  }
  if (type && type->string() == "Unigram") {
    return std::make_unique<UnigramModel>(field, alphabet);
  }
  type.value_or(field).refuse(
      "unknown model; BPE and Unigram are supported (WordPiece and WordLevel belong to models that "
      "don't generate)");
}

}  // namespace talus::io::tokenizer
