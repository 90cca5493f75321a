// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/tokenizer/stream_decoder.hpp"
#include "io/tokenizer/tokenizer.hpp"

#include "tests/support/catch.hpp"

using talus::io::AddSpecialTokens;
using talus::io::Json;
using talus::io::SkipSpecialTokens;
using talus::io::StreamDecoder;
using talus::io::TokenId;
using talus::io::Tokenizer;

namespace {

using Words = std::vector<std::string>;

Json bpe(Json vocab, Json merges, Json flags = Json::object()) {
  flags["type"] = "BPE";
  flags["vocab"] = vocab;
  flags["merges"] = merges;
  return flags;
}

/// Ids in the order of the tokens.
Json numbered(Words const& tokens) {
  Json vocab = Json::object();
  for (std::string const& token : tokens) {
    vocab[token] = vocab.size();
  }
  return vocab;
}

Tokenizer make(Json parts, Json const& config = Json::object()) {
  return Tokenizer::parse({.tokenizer_json = parts.dump(), .tokenizer_config_json = config.dump()});
}

Words tokens_of(Tokenizer const& tokenizer, std::string_view text) {
  Words words;
  for (TokenId const id : tokenizer.encode(text, AddSpecialTokens::no)) {
    words.push_back(tokenizer.token(id).value());
  }
  return words;
}

Json metaspace(std::string_view scheme, bool split) {
  return {
      {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", scheme}, {"split", split}};
}

Json sequence(Json steps) {
  return {{"type", "Sequence"}, {"decoders", steps}};
}

Json strip(int start, int stop) {
  return {{"type", "Strip"}, {"content", " "}, {"start", start}, {"stop", stop}};
}

/// Every piece that a stream of these ids gives, and the last.
Words stream(Tokenizer const& tokenizer, std::vector<TokenId> const& ids) {
  StreamDecoder decoder{tokenizer, SkipSpecialTokens::no};
  Words pieces;
  for (TokenId const id : ids) {
    pieces.push_back(decoder.push(id));
  }
  pieces.push_back(decoder.finish());
  return pieces;
}

}  // namespace

TEST_CASE("Metaspace prepends to every part, to the first, or to none") {
  auto const [scheme, expected] = GENERATE(table<std::string, Words>({
      {"always", {"_", "a", "<m>", "_", "b"}},
      {"first", {"_", "a", "<m>", "b"}},
      {"never", {"a", "<m>", "b"}},
  }));
  Tokenizer const tokenizer = make({{"added_tokens", {{{"content", "<m>"}, {"special", true}}}},
                                    {"pre_tokenizer", metaspace(scheme, true)},
                                    {"model", bpe(numbered({"_", "a", "b"}), Json::array())}});

  CHECK(tokens_of(tokenizer, "a<m>b") == expected);
  CHECK(tokens_of(tokenizer, " a") == Words{"_", "a"});  // it begins with one already
  CHECK(tokens_of(tokenizer, "").empty());
}

TEST_CASE("nothing is prepended behind a token that begins the text") {
  Tokenizer const tokenizer = make({{"added_tokens", {{{"content", "<m>"}, {"special", true}}}},
                                    {"pre_tokenizer", metaspace("first", false)},
                                    {"model", bpe(numbered({"_", "a"}), Json::array())}});

  CHECK(tokens_of(tokenizer, "<m>a") == Words{"<m>", "a"});
}

TEST_CASE("of several blanks the last goes with the word behind") {
  Json const model =
      bpe(numbered({"_", "a", "_a", "__"}), {"_ a", "_ _"}, {{"ignore_merges", true}});
  Tokenizer const cut = make({{"pre_tokenizer", metaspace("always", true)}, {"model", model}});
  Tokenizer const whole = make({{"pre_tokenizer", metaspace("always", false)}, {"model", model}});

  CHECK(tokens_of(cut, "a   a") == Words{"_a", "_", "_", "_a"});
  CHECK(tokens_of(whole, "a   a") == Words{"_a", "__", "_a"});
  CHECK(tokens_of(whole, "  ") == Words{"__"});
}

TEST_CASE("merges go over the character that begins words where the model has such merges") {
  std::string const begin = "\xE2\x96\x81";
  Words const vocab = {begin, "a", "b", begin + "a", "b" + begin, "b" + begin + "a"};
  Json const merges = Json::array({Json::array({begin, "a"}), Json::array({"b", begin + "a"})});
  Tokenizer const tokenizer = make({{"model", bpe(numbered(vocab), merges)}});

  CHECK(tokens_of(tokenizer, "a" + begin + "ab" + begin + "a") ==
        Words{"a", begin + "a", "b" + begin + "a"});
}

TEST_CASE("a character that is no token becomes its bytes, or an unknown token") {
  Json const flags = {{"byte_fallback", true}, {"fuse_unk", true}, {"unk_token", "<unk>"}};
  Tokenizer const tokenizer =
      make({{"model", bpe(numbered({"<unk>", "a", "<0xC3>", "<0xA9>"}), Json::array(), flags)}});

  CHECK(tokens_of(tokenizer, "a\xC3\xA9") == Words{"a", "<0xC3>", "<0xA9>"});
  CHECK(tokens_of(tokenizer, "xya") == Words{"<unk>", "a"});
  // As Hugging Face's: the unknown token waits for the next known character.
  CHECK(tokens_of(tokenizer,
                  "x\xC3\xA9"
                  "a") == Words{"<0xC3>", "<0xA9>", "<unk>", "a"});
}

TEST_CASE("one bad byte spoils a run of bytes, which is final with the next token") {
  Json const steps = Json::array({{{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  Tokenizer const tokenizer =
      make({{"decoder", sequence(steps)},
            {"model", bpe(numbered({"a", "<0xC3>", "<0xA9>", "<0xff>"}), Json::array())}});
  std::string const bad = "\xEF\xBF\xBD";

  CHECK(stream(tokenizer, {1, 2, 0}) == Words{"",
                                              "",
                                              "\xC3\xA9"
                                              "a",
                                              ""});
  CHECK(stream(tokenizer, {1, 2, 3}) == Words{"", "", "", bad + bad + bad});
  CHECK(stream(tokenizer, {1, 0, 2}) == Words{"", bad + "a", "", bad});
  CHECK(tokenizer.token_bytes(1) == "\xC3");
}

TEST_CASE("the joined text is stripped at its very beginning and end only") {
  Json const steps = Json::array({{{"type", "Fuse"}}, strip(1, 2)});
  Tokenizer const tokenizer = make(
      {{"decoder", sequence(steps)}, {"model", bpe(numbered({" ", "a", " a"}), Json::array())}});

  CHECK(stream(tokenizer, {2, 2, 0, 0, 0}) == Words{"a", " a", "", "", " ", ""});
  CHECK(stream(tokenizer, {0, 0, 1, 0, 1}) == Words{"", "", " a", "", " a", ""});
  CHECK(tokenizer.decode(std::vector<TokenId>{2, 0}, SkipSpecialTokens::no) == "a");
}

TEST_CASE("each token is stripped if the tokens aren't joined") {
  Tokenizer const tokenizer =
      make({{"decoder", strip(1, 0)}, {"model", bpe(numbered({"  a", " b"}), Json::array())}});

  CHECK(stream(tokenizer, {0, 1, 0}) == Words{" a", "b", " a", ""});
}

TEST_CASE("a Metaspace decoder drops the blanks of the first token that isn't skipped") {
  Tokenizer const tokenizer = make({{"added_tokens", {{{"content", "<m>"}, {"special", true}}}},
                                    {"decoder", metaspace("always", true)},
                                    {"model", bpe(numbered({"_a", "_"}), Json::array())}});
  TokenId const special = tokenizer.token_id("<m>").value();

  CHECK(tokenizer.decode(std::vector<TokenId>{0, 0, 1}, SkipSpecialTokens::no) == "a a ");
  CHECK(tokenizer.decode(std::vector<TokenId>{special, 0}, SkipSpecialTokens::no) == "<m> a");
  CHECK(tokenizer.decode(std::vector<TokenId>{special, 0}, SkipSpecialTokens::yes) == "a");
}

TEST_CASE("Unigram takes the tokens of highest summed score") {
  Json vocab = Json::array();
  for (auto const& [token, score] :
       {std::pair{"<unk>", 0.0}, {"a", -1.0}, {"b", -2.0}, {"ab", -3.5}, {"ba", -1.5}}) {
    vocab.push_back(Json::array({token, score}));
  }
  Tokenizer const tokenizer =
      make({{"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}});

  CHECK(tokens_of(tokenizer, "ab") == Words{"a", "b"});    // -3 over -3.5
  CHECK(tokens_of(tokenizer, "aba") == Words{"a", "ba"});  // -2.5 over -4 and -4.5
  CHECK(tokens_of(tokenizer, "xyab") == Words{"<unk>", "a", "b"});
}

TEST_CASE("ways of equal score are told apart as Hugging Face's parser rounds the scores") {
  std::string const dashes(16, '-');
  Json vocab = Json::array();
  for (auto const& [token, score] : {std::pair{std::string{"<unk>"}, 0.0},
                                     {"c", -11.969679425767485},
                                     {"-----", -12.005264114395219},
                                     {dashes, -10.226689836642473}}) {
    vocab.push_back(Json::array({token, score}));
  }
  Tokenizer const tokenizer =
      make({{"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}});

  // With the scores rounded once, the five dashes come first.
  CHECK(tokens_of(tokenizer, "c" + std::string(37, '-')) == Words{"c", dashes, dashes, "-----"});
}

TEST_CASE("a class of transformers puts its own steps around the vocabulary") {
  std::string const begin = "\xE2\x96\x81";
  Json const parts = {
      {"normalizer", {{"type", "Prepend"}, {"prepend", begin}}},
      {"model", bpe(numbered({"<unk>", "<s>", "</s>", "a", begin}), Json::array())}};
  auto const tokens = [&](Json const& config, std::string const& model_type, std::string text) {
    Tokenizer const tokenizer =
        Tokenizer::parse({.tokenizer_json = parts.dump(),
                          .tokenizer_config_json = config.dump(),
                          .config_json = Json{{"model_type", model_type}}.dump()});
    return tokens_of(tokenizer, text);
  };
  Json const llama = {{"tokenizer_class", "LlamaTokenizerFast"}};

  CHECK(tokens(Json::object(), "llama", " a") ==
        Words{begin, "a"});  // the blank is unknown: no unk_token
  CHECK(tokens(llama, "llama", " a") == Words{begin, "a"});
  CHECK(tokens(llama, "llama", "</s>a") == Words{"</s>", "a"});
  CHECK(tokens({{"tokenizer_class", "LlamaTokenizer"}, {"legacy", true}}, "llama", "</s>a") ==
        Words{"</s>", begin, "a"});
  CHECK(tokens({{"tokenizer_class", "LlamaTokenizer"}, {"add_prefix_space", false}},
               "llama",
               "a") == Words{"a"});
  CHECK(tokens(llama, "mistral", "a") == Words{begin, "a"});  // as the file says
  CHECK(tokens({{"tokenizer_class", "GemmaTokenizer"}}, "gemma2", "a a") == Words{"a", begin, "a"});
}
