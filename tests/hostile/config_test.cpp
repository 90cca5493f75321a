// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "io/json/json.hpp"

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
using talus::io::Json;
namespace fs = std::filesystem;

namespace {

char const* const config_file = "config.json";

/// The sound config with one field replaced; a value that is no JSON removes it.
std::string with(std::string const& field, std::string const& value) {
  Json config = Json::parse(sound_config());
  if (value.empty()) {
    config.erase(field);
  } else {
    config[field] = Json::parse(value);
  }
  return config.dump();
}

HostileFile field(std::string const& name, std::string const& value) {
  return {concat(name, " = ", value), with(name, value), {name}};
}

HostileFile rope(std::string const& value, std::string const& said) {
  return {concat("rope ", value), with("rope_parameters", value), {said}};
}

std::string nested(std::size_t levels) {
  return replaced(sound_config(),
                  "{",
                  concat(R"({"extra": )", std::string(levels, '['), std::string(levels, ']'), ','));
}

}  // namespace

TEST_CASE("sizes that are none are refused by name") {
  std::vector<HostileFile> cases;
  for (char const* const name : {"hidden_size",
                                 "vocab_size",
                                 "num_hidden_layers",
                                 "num_attention_heads",
                                 "intermediate_size",
                                 "max_position_embeddings"}) {
    for (char const* const value : {"",
                                    "null",
                                    "0",
                                    "-1",
                                    "48.0",
                                    "1e300",
                                    "\"48\"",
                                    "true",
                                    "[48]",
                                    "{}",
                                    "9223372036854775807",
                                    "18446744073709551615"}) {
      cases.push_back(field(name, value));
    }
  }
  for (char const* const name : {"num_key_value_heads", "head_dim"}) {
    for (char const* const value : {"0", "-2", "2.5", "\"2\"", "false", "[]", "4294967296"}) {
      cases.push_back(field(name, value));
    }
  }
  check_refusals(config_file, cases);
}

TEST_CASE("fields of the wrong kind are refused by name") {
  check_refusals(config_file,
                 {
                     field("model_type", ""),
                     field("model_type", "\"bert\""),
                     field("model_type", "\"Llama\""),
                     field("model_type", "3"),
                     field("model_type", "[\"llama\"]"),
                     field("model_type", concat('"', std::string(100'000, 'm'), '"')),
                     field("hidden_act", "\"swish7\""),
                     field("hidden_act", "12"),
                     field("dtype", "\"int3\""),
                     field("dtype", "16"),
                     field("tie_word_embeddings", "\"yes\""),
                     field("tie_word_embeddings", "1"),
                     field("rms_norm_eps", "\"small\""),
                     field("rms_norm_eps", "[1e-6]"),
                     field("eos_token_id", "-1"),
                     field("eos_token_id", "\"</s>\""),
                     field("eos_token_id", "[[2]]"),
                     field("eos_token_id", "1099511627776"),
                     field("eos_token_id", "2.5"),
                     field("quantization_config", R"({"quant_method": "mystery"})"),
                     field("quantization_config", "7"),
                     field("num_hidden_layers", "1000000000"),
                     field("num_attention_heads", "7"),
                     field("num_key_value_heads", "4"),
                     field("num_key_value_heads", "12"),
                 });
}

TEST_CASE("rope parameters that are none are refused") {
  check_refusals(config_file,
                 {
                     rope("7", "rope_parameters"),
                     rope("\"llama3\"", "rope_parameters"),
                     rope(R"({"rope_type": "spiral", "rope_theta": 1e4})", "spiral"),
                     rope(R"({"rope_type": 3, "rope_theta": 1e4})", "rope_type"),
                     rope(R"({"rope_type": "linear", "rope_theta": 1e4})", "factor"),
                     rope(R"({"rope_type": "linear", "rope_theta": 1e4, "factor": "8"})", "factor"),
                     rope(R"({"rope_type": "linear", "rope_theta": 1e4, "factor": 0})", "factor"),
                     rope(R"({"rope_type": "linear", "rope_theta": 1e4, "factor": -4})", "factor"),
                     rope(R"({"rope_type": "default", "rope_theta": 0})", "rope_theta"),
                     rope(R"({"rope_type": "default", "rope_theta": -1e4})", "rope_theta"),
                     rope(R"({"rope_type": "default", "rope_theta": "1e4"})", "rope_theta"),
                     rope(R"({"rope_type": "llama3", "rope_theta": 1e4, "factor": 8,
                   "low_freq_factor": 4, "high_freq_factor": 4,
                   "original_max_position_embeddings": 64})",
                          "freq_factor"),
                     rope(R"({"rope_type": "yarn", "rope_theta": 1e4, "factor": 8,
                   "original_max_position_embeddings": -64})",
                          "original_max_position_embeddings"),
                 });
}

TEST_CASE("sizes too large to compute with are refused, and nothing overflows") {
  HostileRun const run;
  for (char const* const name : {"hidden_size",
                                 "vocab_size",
                                 "num_attention_heads",
                                 "intermediate_size",
                                 "head_dim",
                                 "max_position_embeddings"}) {
    for (char const* const value : {"2147483647", "2147483648", "1073741824"}) {
      CAPTURE(name, value);
      Json config = Json::parse(with(name, value));
      if (std::string_view{name} == "num_attention_heads") {
        config["num_key_value_heads"] = config[name];
      }
      run.write(config_file, config.dump());
      bool const is_longer_context = std::string_view{name} == "max_position_embeddings";
      CHECK(run.refusal().empty() == is_longer_context);
      run.damage([](fs::path const& model) { fs::remove(model.parent_path() / "out.jsonl"); });
    }
  }
}

TEST_CASE("a config that is no JSON object is refused") {
  std::string const sound = sound_config();
  check_refusals(
      config_file,
      {
          {"empty", "", {"not valid JSON", "column"}},
          {"white", " \n\t\r\n ", {"not valid JSON"}},
          {"null", "null", {"not a JSON object"}},
          {"a list", concat('[', sound, "]"), {"not a JSON object"}},
          {"a number", "3", {"not a JSON object"}},
          {"cut", sound.substr(0, sound.size() / 2), {"not valid JSON"}},
          {"twice", sound + sound, {"not valid JSON"}},
          {"rubbish behind", sound + "x", {"not valid JSON"}},
          {"a comment", concat("// a comment\n", sound), {"not valid JSON", "line 1"}},
          {"NaN", replaced(sound, "1e-05", "NaN"), {"not valid JSON"}},
          {"infinite", replaced(sound, "1e-05", "1e999"), {"not valid JSON", "1e999"}},
          {"hexadecimal", replaced(sound, "48", "0x30"), {"not valid JSON"}},
          {"two of a key", replaced(sound, "{", R"({"vocab_size": 9,)"), {"\"vocab_size\" twice"}},
          {"no UTF-8", replaced(sound, "llama", "ll\xFF\xFE"), {"not valid JSON"}},
          {"UTF-16", std::string("\xFF\xFE{\0}\0", 6), {"not valid JSON"}},
          {"NUL bytes", std::string(4096, '\0'), {"not valid JSON"}},
          {"a NUL in it", replaced(sound, ",", std::string(",\0", 2)), {"not valid JSON"}},
          {"half of a surrogate", replaced(sound, "llama", "\\ud800"), {"not valid JSON"}},
          {"nested", nested(100'000), {"nested deeper than 200"}},
          {"open brackets", std::string(1 << 20, '['), {"nested deeper than 200"}},
          {"text of 16 MB",
           with("model_type", '"' + std::string(1 << 24, 'x') + '"'),
           {"xxxx (known families"}},
      });
}

TEST_CASE("a config that is no file is refused") {
  HostileRun const run;
  auto const refused = [&](std::function<void(fs::path const& file)> const& make) {
    run.damage([&](fs::path const& model) {
      fs::remove_all(model / config_file);
      make(model / config_file);
    });
    return run.refusal();
  };
  CHECK_THAT(refused([](fs::path const&) {}), ContainsSubstring("config.json: can't be read"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_directory(file); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_symlink(file, file); }),
             ContainsSubstring("config.json: can't be read"));
  CHECK_THAT(refused([](fs::path const& file) { ::mkfifo(file.c_str(), 0600); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) {
               std::fclose(std::fopen(file.c_str(), "w"));
               fs::resize_file(file, std::uintmax_t{3} << 30U);
             }),
             ContainsSubstring("3221225472 bytes (at most 268435456"));
}

TEST_CASE("a config with a byte order mark and keys that nobody knows is read") {
  HostileRun const run;
  run.write(config_file,
            concat("\xEF\xBB\xBF", with("a key that nobody knows", R"([{"a": null}])")));
  CHECK(run.answers().size() == 3);
}
