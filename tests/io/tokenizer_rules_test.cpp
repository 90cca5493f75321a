// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/tokenizer/tokenizer.hpp"

#include "tests/io/tokenizer_files.hpp"
#include "tests/support/catch.hpp"

using talus::io::AddSpecialTokens;
using talus::io::Json;
using talus::io::SkipSpecialTokens;
using talus::io::TokenId;
using talus::io::Tokenizer;
using talus::test::ModelDir;

namespace {

using Words = std::vector<std::string>;

/// A tokenizer of the characters of "abcd e" and <unk>, with this besides.
Tokenizer make_tokenizer(Json parts, Json const& config = Json::object()) {
  parts["model"] = {{"type", "BPE"},
                    {"unk_token", "<unk>"},
                    {"vocab", {{"<unk>", 0}, {"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {" ", 5}}},
                    {"merges", Json::array()}};
  ModelDir dir;
  dir.write("tokenizer.json", parts.dump());
  dir.write("tokenizer_config.json", config.dump());
  return Tokenizer::load(dir.path());
}

Json added(std::string_view content, Json flags) {
  flags["content"] = content;
  return {{"added_tokens", Json::array({flags})}};
}

/// The spelling of each token of the text.
Words tokens_of(Tokenizer const& tokenizer, std::string_view text) {
  Words words;
  for (TokenId const id : tokenizer.encode(text, AddSpecialTokens::no)) {
    words.push_back(tokenizer.token(id).value());
  }
  return words;
}

/// The definition of byte pair encoding, on spellings.
Words merge_by_definition(std::string_view text,
                          std::map<std::pair<std::string, std::string>, int> const& ranks) {
  Words symbols;
  for (char const character : text) {
    symbols.emplace_back(1, character);
  }
  while (true) {
    std::optional<std::pair<int, std::size_t>> best;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      auto const found = ranks.find({symbols[i], symbols[i + 1]});
      if (found != ranks.end() && (!best || found->second < best->first)) {
        best = {found->second, i};
      }
    }
    if (!best) {
      return symbols;
    }
    auto const left = static_cast<std::ptrdiff_t>(best->second);
    symbols[best->second] += symbols[best->second + 1];
    symbols.erase(symbols.begin() + left + 1);
  }
}

}  // namespace

TEST_CASE("a special token is found amid a word, the longest of those that begin there") {
  Tokenizer const tokenizer = make_tokenizer(
      {{"added_tokens",
        {{{"content", "bc"}, {"special", true}}, {{"content", "bcd"}, {"special", true}}}}});

  CHECK(tokens_of(tokenizer, "abcda") == Words{"a", "bcd", "a"});
  CHECK(tokens_of(tokenizer, "abca") == Words{"a", "bc", "a"});
  auto const ids = tokenizer.encode("abca", AddSpecialTokens::no);
  CHECK(tokenizer.decode(ids, SkipSpecialTokens::yes) == "a a");  // no decoder: blanks between
}

TEST_CASE("lstrip and rstrip take whitespace along") {
  CHECK(tokens_of(make_tokenizer(added("<m>", {{"lstrip", true}})), "a \n <m> b") ==
        Words{"a", "<m>", " ", "b"});
  CHECK(tokens_of(make_tokenizer(added("<m>", {{"rstrip", true}})),
                  "a <m> \t\xE3\x80\x80"
                  "b") == Words{"a", " ", "<m>", "b"});
}

TEST_CASE("a single word has no word character beside it") {
  Tokenizer const tokenizer = make_tokenizer(added("ab", {{"single_word", true}}));

  CHECK(tokens_of(tokenizer, "ab ab.ab") == Words{"ab", " ", "ab", "<unk>", "ab"});
  CHECK(tokens_of(tokenizer, "cab abd") == Words{"c", "a", "b", " ", "a", "b", "d"});
  CHECK(tokens_of(tokenizer, "ab\xC3\xA9") == Words{"a", "b", "<unk>"});  // é is one
}

TEST_CASE("a normalized token is found after normalizing, another before") {
  Json const lower = {{"normalizer", {{"type", "Lowercase"}}}};
  auto const with = [&](bool normalized) {
    Json parts = added("AB", {{"normalized", normalized}});
    parts.update(lower);
    return make_tokenizer(parts);
  };

  CHECK(tokens_of(with(true), "abAB") == Words{"AB", "AB"});
  CHECK(tokens_of(with(false), "abAB") == Words{"a", "b", "AB"});
}

TEST_CASE("unknown characters are fused only if the model says so") {
  CHECK(tokens_of(make_tokenizer(Json::object()), "xya") == Words{"<unk>", "<unk>", "a"});
}

TEST_CASE("tokenizer_config.json adds tokens, and makes those with a role special") {
  Json const config = {{"added_tokens_decoder", {{"6", {{"content", "<x>"}, {"lstrip", true}}}}},
                       {"eos_token", {{"content", "<e>"}}},
                       {"bos_token", "<x>"},
                       {"pad_token", nullptr},
                       {"add_bos_token", true}};
  Tokenizer const tokenizer = make_tokenizer(Json::object(), config);

  CHECK(tokenizer.bos_token() == "<x>");
  CHECK(tokenizer.eos_token() == "<e>");
  CHECK_FALSE(tokenizer.pad_token().has_value());
  CHECK(tokenizer.token_id("<x>") == 6);
  CHECK(tokenizer.token_id("<e>") == 7);
  CHECK(tokenizer.is_special(6));
  CHECK(tokenizer.is_special(7));
  CHECK(tokens_of(tokenizer, "a <x><e>") == Words{"a", "<x>", "<e>"});
  CHECK(tokenizer.encode("a", AddSpecialTokens::yes) == std::vector<TokenId>{1});
}

TEST_CASE("a template puts its tokens around the text") {
  Json const ids = {{"<s>", {{"id", "<s>"}, {"ids", {4, 3}}, {"tokens", {"d", "c"}}}}};
  Json const special = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  Json const text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  Tokenizer const tokenizer = make_tokenizer({{"post_processor",
                                               {{"type", "TemplateProcessing"},
                                                {"single", Json::array({special, text, special})},
                                                {"special_tokens", ids}}}});

  CHECK(tokenizer.encode("a", AddSpecialTokens::yes) == std::vector<TokenId>{4, 3, 1, 4, 3});
  CHECK(tokenizer.encode("a", AddSpecialTokens::no) == std::vector<TokenId>{1});
}

TEST_CASE("each split behavior cuts as it is named") {
  auto const [behavior, expected] = GENERATE(table<std::string, Words>({
      {"Removed", {"a", "b", "c"}},
      {"Isolated", {"a", "d", "b", "d", "d", "c"}},
      {"Contiguous", {"a", "d", "b", "dd", "c"}},
      {"MergedWithPrevious", {"ad", "bd", "d", "c"}},
      {"MergedWithNext", {"a", "db", "d", "dc"}},
  }));
  // With ignore_merges a word that is a token shows as one.
  Json vocab = {{"a", 0},
                {"b", 1},
                {"c", 2},
                {"d", 3},
                {"ad", 4},
                {"bd", 5},
                {"db", 6},
                {"dc", 7},
                {"dd", 8}};
  Json const tokenizer_json = {
      {"pre_tokenizer",
       {{"type", "Split"},
        {"pattern", {{"String", "d"}}},
        {"behavior", behavior},
        {"invert", false}}},
      {"model",
       {{"type", "BPE"}, {"ignore_merges", true}, {"vocab", vocab}, {"merges", Json::array()}}}};
  ModelDir dir;
  dir.write("tokenizer.json", tokenizer_json.dump());

  CHECK(tokens_of(Tokenizer::load(dir.path()), "adbddc") == expected);
}

TEST_CASE("words of any length are merged by the definition") {
  std::mt19937 engine{11};
  Json vocab = {{"a", 0}, {"b", 1}, {"c", 2}};
  Json merges = Json::array();
  std::map<std::pair<std::string, std::string>, int> ranks;
  Words tokens = {"a", "b", "c"};
  while (tokens.size() < 60) {
    std::string const left = tokens[engine() % tokens.size()];
    std::string const right = tokens[engine() % tokens.size()];
    if (vocab.contains(left + right) || !ranks.try_emplace({left, right}, merges.size()).second) {
      continue;
    }
    merges.push_back({left, right});
    vocab[left + right] = tokens.size();
    tokens.push_back(left + right);
  }
  ModelDir dir;
  dir.write("tokenizer.json",
            Json{{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}}.dump());
  Tokenizer const tokenizer = Tokenizer::load(dir.path());

  for (std::size_t length = 1; length < 160; ++length) {
    std::string word;
    while (word.size() < length) {
      word.push_back("abc"[engine() % 3]);
    }
    INFO(word);
    CHECK(tokens_of(tokenizer, word) == merge_by_definition(word, ranks));
    CHECK(tokens_of(tokenizer, word) == merge_by_definition(word, ranks));  // from the cache
  }
}
