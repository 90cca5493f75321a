// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/metaspace.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "io/tokenizer/detail/replacement.hpp"

namespace talus::io::tokenizer {
namespace {

using Prepends = MetaspaceOptions::Prepends;

Prepends make_prepends(JsonField const& field) {
  auto const scheme = field.find("prepend_scheme");
  Prepends prepends = Prepends::always;
  if (scheme && scheme->string() == "first") {
    prepends = Prepends::first;
  } else if (scheme && scheme->string() == "never") {
    prepends = Prepends::never;
  } else if (scheme && scheme->string() != "always") {
    scheme->refuse("unknown scheme; always, first and never are supported");
  }
  // The older way to say it; the two must agree.
  auto const legacy = field.find("add_prefix_space");
  if (legacy && !legacy->boolean() && prepends != Prepends::never) {
    legacy->refuse("does not agree with prepend_scheme, which isn't \"never\"");
  }
  return prepends;
}

}  // namespace

MetaspaceOptions::MetaspaceOptions(JsonField const& field)
    : replacement{field.at("replacement").character()},
      prepends{make_prepends(field)},
      splits{field.boolean_or("split", true)} {}

Metaspace::Metaspace(MetaspaceOptions options) : options_{std::move(options)} {}

void Metaspace::cut(std::string_view text, Span word, std::vector<Span>& words) const {
  std::size_t begin = word.begin;
  // Of several replacements in a row only the last goes with what follows.
  while (options_.splits) {
    std::size_t const next = text.find(options_.replacement, begin + 1);
    if (next == std::string_view::npos || next >= word.end) {
      break;
    }
    words.push_back({begin, next});
    begin = next;
  }
  words.push_back({begin, word.end});
}

void Metaspace::apply(WordList& list) const {
  WordList written;
  written.begins_text = list.begins_text;
  written.text.reserve(list.text.size() + list.text.size() / 2);
  for (Span const word : list.words) {
    std::string_view const text{list.text.data() + word.begin, word.end - word.begin};
    std::string const replaced = replace_all(text, " ", options_.replacement);
    std::size_t const begin = written.text.size();
    bool const may_prepend =
        options_.prepends == Prepends::always ||
        (options_.prepends == Prepends::first && list.begins_text && word.begin == 0);
    if (may_prepend && !replaced.starts_with(options_.replacement)) {
      written.text += options_.replacement;
    }
    written.text += replaced;
    cut(written.text, {begin, written.text.size()}, written.words);
  }
  list = std::move(written);
}

}  // namespace talus::io::tokenizer
