// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/decoder.hpp"

#include <cstddef>
#include <utility>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/replacement.hpp"

namespace talus::io::tokenizer {
namespace {

/// Bytes of the characters that stand for them; a token with any other character is text itself.
class ByteLevel final : public Decoder::Step {
 public:
  std::string apply(std::string_view token) const override {
    return bytes_from_alphabet(token).value_or(std::string{token});
  }
};

class Replace final : public Decoder::Step {
 public:
  explicit Replace(Replacement replacement) : replacement_{std::move(replacement)} {}

  std::string apply(std::string_view token) const override { return replacement_.apply(token); }

 private:
  Replacement replacement_;
};

}  // namespace

Decoder::Decoder(JsonField const& field) : separator_{} {
  add_steps(field);
}

void Decoder::add_sequence(JsonField const& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    add_steps(list.item(i));
  }
}

void Decoder::add_steps(JsonField const& field) {
  JsonField const type_field = field.at("type");
  std::string const& type = type_field.string();
  if (type == "Sequence") {
    add_sequence(field.at("decoders"));
    return;
  }
  if (type == "Fuse") {
    is_joined_ = true;
    return;
  }
  bool const is_byte_level = type == "ByteLevel";
  if (!is_byte_level && type != "Replace") {
    type_field.refuse("unknown decoder; ByteLevel, Replace, Fuse and Sequence are supported");
  }
  if (is_joined_) {
    type_field.refuse("behind ByteLevel or Fuse only Fuse is supported");
  }
  if (is_byte_level) {
    steps_.push_back(std::make_unique<ByteLevel>());
    is_joined_ = true;
  } else {
    steps_.push_back(std::make_unique<Replace>(Replacement{field}));
  }
}

std::string Decoder::bytes_of(std::string_view token) const {
  std::string bytes{token};
  for (auto const& step : steps_) {
    bytes = step->apply(bytes);
  }
  return bytes;
}

}  // namespace talus::io::tokenizer
