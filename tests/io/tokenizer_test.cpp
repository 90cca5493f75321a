// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/tokenizer.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"

#include "tests/io/tokenizer_files.hpp"
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

/// What a tokenizer makes of a line.
struct Result {
  std::vector<TokenId> ids;
  std::vector<TokenId> plain;  // without special tokens
  std::string decoded;
  std::string skipped;  // the ids' text without special tokens

  bool operator==(Result const&) const = default;
};

Result result_of(Tokenizer const& tokenizer, std::string const& text) {
  Result result;
  result.ids = tokenizer.encode(text, AddSpecialTokens::yes);
  result.plain = tokenizer.encode(text, AddSpecialTokens::no);
  result.decoded = tokenizer.decode(result.ids, SkipSpecialTokens::no);
  result.skipped = tokenizer.decode(result.ids, SkipSpecialTokens::yes);
  return result;
}

Result expected_result(Json const& row, std::string const& text) {
  Result result;
  result.ids = row.at("ids").get<std::vector<TokenId>>();
  result.plain = value_or(row, "ids_no_special", result.ids);
  result.decoded = value_or(row, "decoded", text);
  result.skipped = value_or(row, "decoded_skip", result.decoded);
  return result;
}

/// CRC-32 of IEEE 802.3, as zlib has it.
class Checksum {
 public:
  void add(Result const& result) {
    add_ids(result.ids);
    add_ids(result.plain);
    add_text(result.decoded);
    add_text(result.skipped);
  }

  std::uint32_t value() const { return ~state_; }

 private:
  void add_byte(std::uint32_t byte) {
    state_ ^= byte & 0xFFU;
    for (int bit = 0; bit < 8; ++bit) {
      state_ = state_ >> 1U ^ ((state_ & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }

  void add_number(std::uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      add_byte(number >> shift);
    }
  }

  void add_ids(std::vector<TokenId> const& ids) {
    add_number(static_cast<std::uint32_t>(4 * ids.size()));
    for (TokenId const id : ids) {
      add_number(static_cast<std::uint32_t>(id));
    }
  }

  void add_text(std::string const& text) {
    add_number(static_cast<std::uint32_t>(text.size()));
    for (char const character : text) {
      add_byte(static_cast<unsigned char>(character));
    }
  }

  std::uint32_t state_ = ~0U;
};

/// The lines, shown in full, that differ from what transformers made of them.
int count_shown_mismatches(std::filesystem::path const& dir,
                           std::vector<Json> const& lines,
                           std::vector<Result> const& results) {
  int mismatches = 0;
  for (Json const& row : read_lines(dir / "expected.jsonl")) {
    auto const number = row.at("line").get<std::size_t>();
    if (results[number] != expected_result(row, lines[number].get<std::string>())) {
      UNSCOPED_INFO("line " << number + 1 << " of text.jsonl: " << lines[number].dump() << ", ids "
                            << Json(results[number].ids).dump());
      ++mismatches;
    }
  }
  return mismatches;
}

/// The blocks of lines whose checksum isn't that of what transformers made of them.
int count_block_mismatches(Json const& checksums, std::vector<Result> const& results) {
  auto const block_lines = checksums.at("block_lines").get<std::size_t>();
  Json const& expected = checksums.at("crc32");
  REQUIRE(expected.size() * block_lines == results.size());
  int mismatches = 0;
  for (std::size_t block = 0; block < expected.size(); ++block) {
    Checksum checksum;
    for (std::size_t i = 0; i < block_lines; ++i) {
      checksum.add(results[block * block_lines + i]);
    }
    if (checksum.value() != expected[block].get<std::uint32_t>()) {
      UNSCOPED_INFO("a line from " << block * block_lines + 1 << " of text.jsonl on");
      ++mismatches;
    }
  }
  return mismatches;
}

}  // namespace

TEST_CASE("ten thousand lines have the ids of transformers, and their text when decoded") {
  std::string const name = GENERATE(from_range(talus::test::golden_tokenizers));
  Tokenizer const tokenizer = Tokenizer::load(data / name);
  std::vector<Json> const lines = read_lines(data / "text.jsonl");
  REQUIRE(lines.size() == 10'000);

  std::vector<Result> results;
  for (Json const& line : lines) {
    results.push_back(result_of(tokenizer, line.get_ref<std::string const&>()));
  }

  INFO("tokenizer " << name);
  CHECK(count_shown_mismatches(data / name, lines, results) == 0);
  CHECK(count_block_mismatches(talus::io::read_json_file(data / name / "checksums.json"),
                               results) == 0);
}

TEST_CASE("any ids, halves of characters too, decode to the text of transformers") {
  std::string const name = GENERATE(from_range(talus::test::golden_tokenizers));
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
  Tokenizer const alone = Tokenizer::load(data / "qwen");
  std::vector<std::vector<TokenId>> expected;
  for (Json const& line : lines) {
    expected.push_back(alone.encode(line.get_ref<std::string const&>(), AddSpecialTokens::yes));
  }
  constexpr std::size_t num_threads = 4;
  std::vector<int> mismatches(num_threads, 0);

  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < num_threads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const ids =
            shared.encode(lines[i].get_ref<std::string const&>(), AddSpecialTokens::yes);
        mismatches[t] += ids != expected[i] ? 1 : 0;
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
