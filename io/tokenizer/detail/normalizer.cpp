// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/normalizer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/charsmap.hpp"
#include "io/tokenizer/detail/replacement.hpp"
#include "io/tokenizer/detail/text_limit.hpp"
#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

class UnicodeForm final : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_{form} {}

  void apply(std::string& text) const override { text = normalize(text, form_); }

 private:
  NormalForm form_;
};

class Lowercase final : public Normalizer {
 public:
  void apply(std::string& text) const override { text = to_lower(text); }
};

class StripAccents final : public Normalizer {
 public:
  void apply(std::string& text) const override {
    std::string kept;
    kept.reserve(text.size());
    for (std::size_t position = 0; position < text.size();) {
      std::size_t const begin = position;
      if (!is_mark(next_character(text, position))) {
        kept.append(text, begin, position - begin);
      }
    }
    text = std::move(kept);
  }

  [[nodiscard]] bool drops_text() const noexcept override { return true; }
};

/// What SentencePiece's rules "nmt" do to control characters and to rare blanks.
class Nmt final : public Normalizer {
 public:
  void apply(std::string& text) const override {
    std::string kept;
    kept.reserve(text.size());
    for (std::size_t position = 0; position < text.size();) {
      std::size_t const begin = position;
      char32_t const character = next_character(text, position);
      if (is_blank(character)) {
        kept.push_back(' ');
      } else if (!is_dropped(character)) {
        kept.append(text, begin, position - begin);
      }
    }
    text = std::move(kept);
  }

  [[nodiscard]] bool drops_text() const noexcept override { return true; }

 private:
  static bool is_dropped(char32_t c) noexcept {
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  }

  static bool is_blank(char32_t c) noexcept {
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  }
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_{left}, right_{right} {}

  void apply(std::string& text) const override {
    std::size_t begin = 0;
    std::size_t end = text.size();
    for (std::size_t next = 0; left_ && begin < end; begin = next) {
      if (!is_whitespace(next_character(text, next))) {
        break;
      }
    }
    while (right_ && end > begin) {
      std::size_t const last = previous_position(text, end);
      std::size_t next = last;
      if (!is_whitespace(next_character(text, next))) {
        break;
      }
      end = last;
    }
    text = text.substr(begin, end - begin);
  }

  [[nodiscard]] bool drops_text() const noexcept override { return true; }

 private:
  bool left_;
  bool right_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_{std::move(prefix)} {}

  void apply(std::string& text) const override {
    if (!text.empty()) {
      text.insert(0, prefix_);
    }
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  explicit Replace(Replacement replacement) : replacement_{std::move(replacement)} {}

  void apply(std::string& text) const override { text = replacement_.apply(text); }

  [[nodiscard]] bool drops_text() const noexcept override { return replacement_.drops(); }

 private:
  Replacement replacement_;
};

class ByteLevel final : public Normalizer {
 public:
  void apply(std::string& text) const override { text = bytes_to_alphabet(text); }
};

class Sequence final : public Normalizer {
 public:
  explicit Sequence(JsonField const& list) {
    if (list.size() > max_steps) {
      list.refuse(concat("has ", list.size(), " steps; allowed are ", max_steps));
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      parts_.push_back(make_normalizer(list.item(i)));
    }
  }

  void apply(std::string& text) const override {
    for (auto const& part : parts_) {
      part->apply(text);
      check_text_bytes(text.size());
    }
  }

  [[nodiscard]] bool drops_text() const noexcept override {
    return std::any_of(
        parts_.begin(), parts_.end(), [](auto const& part) { return part->drops_text(); });
  }

 private:
  std::vector<std::unique_ptr<Normalizer const>> parts_;
};

}  // namespace

std::unique_ptr<Normalizer const> make_normalizer(JsonField const& field) {
  JsonField const type_field = field.at("type");
  std::string const& type = type_field.string();
  if (type == "NFC") {
    return std::make_unique<UnicodeForm>(NormalForm::nfc);
  }
  if (type == "NFD") {
    return std::make_unique<UnicodeForm>(NormalForm::nfd);
  }
  if (type == "NFKC") {
    return std::make_unique<UnicodeForm>(NormalForm::nfkc);
  }
  if (type == "NFKD") {
    return std::make_unique<UnicodeForm>(NormalForm::nfkd);
  }
  if (type == "Lowercase") {
    return std::make_unique<Lowercase>();
  }
  if (type == "StripAccents") {
    return std::make_unique<StripAccents>();
  }
  if (type == "Strip") {
    return std::make_unique<Strip>(field.at("strip_left").boolean(),
                                   field.at("strip_right").boolean());
  }
  if (type == "Prepend") {
    return std::make_unique<Prepend>(field.at("prepend").string());
  }
  if (type == "Replace") {
    return std::make_unique<Replace>(Replacement{field});
  }
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevel>();
  }
  if (type == "Nmt") {
    return std::make_unique<Nmt>();
  }
  if (type == "Precompiled") {
    return std::make_unique<Charsmap>(field);
  }
  if (type == "Sequence") {
    return std::make_unique<Sequence>(field.at("normalizers"));
  }
  type_field.refuse(
      "unknown normalizer; NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, "
      "ByteLevel, Nmt, Precompiled and Sequence are supported");
}

}  // namespace talus::io::tokenizer
