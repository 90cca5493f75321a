// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/tokenizer.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"

#include "tests/support/catch.hpp"

using talus::io::AddSpecialTokens;
using talus::io::Json;
using talus::io::SkipSpecialTokens;
using talus::io::TokenId;
using talus::io::Tokenizer;

namespace {

std::filesystem::path const data = std::filesystem::path{TALUS_TEST_DATA} / "tokenizers";

std::vector<Json> read_lines(std::filesystem::path const& file) {
  std::vector<Json> values;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    values.push_back(talus::io::parse_json(line, file.string()));
  }
  return values;
}

/// The member, or `otherwise` where the file leaves out what is the same.
template <class T>
T value_or(Json const& object, char const* key, T const& otherwise) {
  return object.at(key).is_null() ? otherwise : object.at(key).get<T>();
}

/// True if encoding and decoding `text` gives what Hugging Face tokenizers gave.
bool is_as_expected(Tokenizer const& tokenizer, std::string const& text, Json const& expected) {
  auto const ids = expected.at("ids").get<std::vector<TokenId>>();
  auto const decoded = value_or(expected, "decoded", text);
  return tokenizer.encode(text, AddSpecialTokens::yes) == ids &&
         tokenizer.encode(text, AddSpecialTokens::no) ==
             value_or(expected, "ids_no_special", ids) &&
         tokenizer.decode(ids, SkipSpecialTokens::no) == decoded &&
         tokenizer.decode(ids, SkipSpecialTokens::yes) ==
             value_or(expected, "decoded_skip", decoded);
}

int count_mismatches(Tokenizer const& tokenizer,
                     std::vector<Json> const& lines,
                     std::vector<Json> const& expected) {
  int mismatches = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto const text = lines[i].get<std::string>();
    if (!is_as_expected(tokenizer, text, expected[i])) {
      UNSCOPED_INFO("line " << i + 1 << " of text.jsonl: " << lines[i].dump());
      ++mismatches;
    }
  }
  return mismatches;
}

}  // namespace

TEST_CASE("every line of the text has Hugging Face's ids, and its text when decoded") {
  auto const* const name = GENERATE("gpt2", "llama3", "qwen", "deepseek", "digits", "normalised");
  Tokenizer const tokenizer = Tokenizer::load(data / name);
  std::vector<Json> const lines = read_lines(data / "text.jsonl");
  std::vector<Json> const expected = read_lines(data / name / "expected.jsonl");
  REQUIRE(lines.size() >= 2000);
  REQUIRE(expected.size() == lines.size());

  INFO("tokenizer " << name);
  CHECK(count_mismatches(tokenizer, lines, expected) == 0);
}

TEST_CASE("any ids, halves of characters too, decode to Hugging Face's text") {
  auto const* const name = GENERATE("gpt2", "llama3", "qwen", "deepseek", "digits", "normalised");
  Tokenizer const tokenizer = Tokenizer::load(data / name);
  std::vector<Json> const cases = read_lines(data / name / "decode.jsonl");
  REQUIRE(cases.size() >= 100);

  for (Json const& expected : cases) {
    auto const ids = expected.at("ids").get<std::vector<TokenId>>();
    INFO(name << ": " << expected.dump());
    CHECK(tokenizer.decode(ids, SkipSpecialTokens::no) == expected.at("decoded"));
    CHECK(tokenizer.decode(ids, SkipSpecialTokens::yes) == expected.at("decoded_skip"));
  }
}

TEST_CASE("threads that share a tokenizer get the ids that one gets") {
  Tokenizer const shared = Tokenizer::load(data / "qwen");
  std::vector<Json> const lines = read_lines(data / "text.jsonl");
  std::vector<Json> const expected = read_lines(data / "qwen" / "expected.jsonl");
  constexpr std::size_t num_threads = 4;
  std::vector<int> mismatches(num_threads, 0);

  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < num_threads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const ids =
            shared.encode(lines[i].get_ref<std::string const&>(), AddSpecialTokens::yes);
        mismatches[t] += ids != expected[i].at("ids").get<std::vector<TokenId>>() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  CHECK(mismatches == std::vector<int>(num_threads, 0));
}

TEST_CASE("the vocabulary is open to look-ups") {
  Tokenizer const tokenizer = Tokenizer::load(data / "qwen");

  std::optional<TokenId> const the = tokenizer.token_id("\xC4\xA0the");  // "Ġthe"
  std::optional<TokenId> const end = tokenizer.token_id("<|im_end|>");
  REQUIRE(the.has_value());
  REQUIRE(end.has_value());

  CHECK(tokenizer.token(*the) == "\xC4\xA0the");
  CHECK(tokenizer.token_bytes(*the) == " the");
  CHECK_FALSE(tokenizer.is_special(*the));
  CHECK(tokenizer.token_bytes(*end) == "<|im_end|>");
  CHECK(tokenizer.is_special(*end));
  CHECK_FALSE(tokenizer.is_special(tokenizer.token_id("<think>").value()));
  CHECK(tokenizer.eos_token() == "<|im_end|>");
  CHECK(tokenizer.pad_token() == "<|endoftext|>");
  CHECK_FALSE(tokenizer.bos_token().has_value());
  CHECK_FALSE(tokenizer.token_id("no such token").has_value());
}

TEST_CASE("ids outside the vocabulary stand for nothing") {
  Tokenizer const tokenizer = Tokenizer::load(data / "gpt2");
  auto const end = static_cast<TokenId>(tokenizer.vocab_size());
  std::vector<TokenId> const ids = {-1, tokenizer.token_id("a").value(), end};

  CHECK(tokenizer.token(end - 1).has_value());
  CHECK_FALSE(tokenizer.token(end).has_value());
  CHECK(tokenizer.token_bytes(-1).empty());
  CHECK(tokenizer.decode(ids, SkipSpecialTokens::no) == "a");
}

TEST_CASE("bytes that are not UTF-8 are encoded as U+FFFD") {
  Tokenizer const tokenizer = Tokenizer::load(data / "gpt2");
  auto const encode = [&](std::string_view text) {
    return tokenizer.encode(text, AddSpecialTokens::no);
  };

  CHECK(encode("a\xFF"
               "b") == encode("a\xEF\xBF\xBD"
                              "b"));
  CHECK(encode("\xE2\x82") == encode("\xEF\xBF\xBD"));
  CHECK(encode("\xED\xA0\x80") == encode("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"));
}

TEST_CASE("an empty text has the template's tokens only") {
  Tokenizer const tokenizer = Tokenizer::load(data / "llama3");
  TokenId const begin = tokenizer.token_id("<|begin_of_text|>").value();

  CHECK(tokenizer.encode("", AddSpecialTokens::yes) == std::vector{begin});
  CHECK(tokenizer.encode("", AddSpecialTokens::no).empty());
}
