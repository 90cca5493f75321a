// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/stream_decoder.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/tokenizer/utf8_gate.hpp"

#include "tests/io/tokenizer_files.hpp"
#include "tests/support/catch.hpp"

using talus::io::AddSpecialTokens;
using talus::io::SkipSpecialTokens;
using talus::io::StreamDecoder;
using talus::io::TokenId;
using talus::io::Tokenizer;
using talus::io::tokenizer::to_valid_utf8;
using talus::io::tokenizer::Utf8Gate;

namespace {

std::filesystem::path const data = std::filesystem::path{TALUS_TEST_DATA} / "tokenizers";

std::vector<std::vector<TokenId>> read_ids(std::filesystem::path const& file) {
  std::vector<std::vector<TokenId>> sequences;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    auto const value = talus::io::parse_json(line, file.string());
    sequences.push_back(value.at("ids").get<std::vector<TokenId>>());
  }
  return sequences;
}

std::vector<std::string> read_texts(std::filesystem::path const& file) {
  std::vector<std::string> texts;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    texts.push_back(talus::io::parse_json(line, file.string()).get<std::string>());
  }
  return texts;
}

/// The text in pieces, each of which must be UTF-8 by itself.
std::string stream(StreamDecoder& decoder, std::span<TokenId const> ids) {
  std::string text;
  auto const take = [&](std::string const& piece) {
    text += to_valid_utf8(piece) == piece ? piece : "a piece that isn't UTF-8";
  };
  for (TokenId const id : ids) {
    take(decoder.push(id));
  }
  take(decoder.finish());
  return text;
}

}  // namespace

TEST_CASE("a stream of tokens gives the text of the whole") {
  std::string const name = GENERATE(from_range(talus::test::golden_tokenizers));
  auto const skip = GENERATE(SkipSpecialTokens::no, SkipSpecialTokens::yes);
  Tokenizer const tokenizer = Tokenizer::load(data / name);
  StreamDecoder decoder{tokenizer, skip};
  auto sequences = read_ids(data / name / "decode.jsonl");
  for (std::string const& text : read_texts(data / "text.jsonl")) {
    sequences.push_back(tokenizer.encode(text, AddSpecialTokens::yes));
  }

  int mismatches = 0;
  for (auto const& ids : sequences) {
    mismatches += stream(decoder, ids) != tokenizer.decode(ids, skip) ? 1 : 0;
  }

  INFO(name);
  CHECK(sequences.size() > 10'000);
  CHECK(mismatches == 0);
}

TEST_CASE("a character comes out with its last byte") {
  Tokenizer const tokenizer = Tokenizer::load(data / "gpt2");
  StreamDecoder decoder{tokenizer, SkipSpecialTokens::no};
  // The four bytes of U+1F40D, as GPT-2's alphabet spells each.
  std::vector<std::string> const spellings = {"\xC3\xB0", "\xC5\x81", "\xC4\xB2", "\xC4\xAF"};

  CHECK(decoder.push(tokenizer.token_id(spellings[0]).value()).empty());
  CHECK(decoder.push(tokenizer.token_id(spellings[1]).value()).empty());
  CHECK(decoder.push(tokenizer.token_id(spellings[2]).value()).empty());
  CHECK(decoder.push(tokenizer.token_id(spellings[3]).value()) == "\xF0\x9F\x90\x8D");
  CHECK(decoder.finish().empty());
}

TEST_CASE("what is left of a character at the end is one U+FFFD") {
  Tokenizer const tokenizer = Tokenizer::load(data / "gpt2");
  StreamDecoder decoder{tokenizer, SkipSpecialTokens::no};

  CHECK(decoder.push(tokenizer.token_id("\xC3\xB0").value()).empty());
  CHECK(decoder.push(tokenizer.token_id("\xC5\x81").value()).empty());
  CHECK(decoder.finish() == "\xEF\xBF\xBD");
  CHECK(decoder.finish().empty());
}

TEST_CASE("random bytes give the same text wherever they are cut") {
  std::mt19937 engine{20};
  // Bytes that begin, continue or break characters, more often than chance has them.
  constexpr std::string_view likely = "a\x80\x9F\xA0\xBF\xC1\xC2\xE0\xE2\xED\xEF\xF0\xF4\xF5\xFF";
  std::uniform_int_distribution<std::size_t> pick{0, likely.size() - 1};

  for (int round = 0; round < 5000; ++round) {
    std::string bytes;
    for (std::size_t i = 0; i < 12; ++i) {
      bytes.push_back(likely[pick(engine)]);
    }
    std::string text;
    Utf8Gate gate;
    for (std::size_t begin = 0; begin < bytes.size();) {
      std::size_t const length = 1 + pick(engine) % 4;
      gate.push(std::string_view{bytes}.substr(begin, length), text);
      begin += length;
    }
    gate.finish(text);
    REQUIRE(text == to_valid_utf8(bytes));
    REQUIRE(to_valid_utf8(text) == text);
  }
}

TEST_CASE("broken UTF-8 is replaced by maximal subparts") {
  std::string const mark = "\xEF\xBF\xBD";
  // The Unicode standard, table 3-8 to 3-11.
  CHECK(to_valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
                      "A") == mark + mark + mark + mark + mark + mark + mark + mark + "A");
  CHECK(to_valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
                      "A") == mark + mark + mark + mark + mark + mark + mark + mark + "A");
  CHECK(to_valid_utf8("\xF4\x91\x92\x93\xFF"
                      "A\x80\xBF"
                      "B") == mark + mark + mark + mark + mark + "A" + mark + mark + "B");
  CHECK(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
                      "A") == mark + mark + mark + mark + "A");
}
