// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include <sys/stat.h>

#include "tests/hostile/hostile.hpp"
#include "tests/io/checkpoint_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
namespace fs = std::filesystem;

namespace {

char const* const weights = "model.safetensors";
char const* const index_file = "model.safetensors.index.json";

std::string header_of(std::string const& file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  return file.substr(8, length);
}

std::string data_of(std::string const& file) {
  return file.substr(8 + header_of(file).size());
}

/// The sound weights under another header.
std::string with_header(std::string const& header) {
  return safetensors_file(header, data_of(sound_weights()));
}

/// The sound weights, with a piece of the header replaced.
std::string with_in_header(std::string_view from, std::string_view to) {
  return with_header(replaced(header_of(sound_weights()), from, to));
}

std::string with_length(std::uint64_t length) {
  std::string file = sound_weights();
  std::memcpy(file.data(), &length, sizeof length);
  return file;
}

/// A float in the data, counted from its end, replaced.
std::string with_float(std::size_t from_end, float value) {
  std::string file = sound_weights();
  std::memcpy(file.data() + file.size() - from_end * sizeof value, &value, sizeof value);
  return file;
}

std::string norm_entry(std::string_view offsets) {
  return concat(
      R"({"model.norm.weight":{"dtype":"F32","shape":[48],"data_offsets":)", offsets, "}}");
}

std::string repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

}  // namespace

TEST_CASE("weights with a damaged frame are refused") {
  check_refusals(
      weights,
      {
          {"empty", "", {"file of 0 bytes", "offset 0"}},
          {"seven bytes", "1234567", {"file of 7 bytes"}},
          {"a page of the web", "<!DOCTYPE html><html>not found</html>", {"header length"}},
          {"header cut", sound_weights().substr(0, 100), {"offset 8", "100 bytes", "truncated"}},
          {"data cut by a byte",
           sound_weights().substr(0, sound_weights().size() - 1),
           {"tensor", "truncated"}},
          {"data doubled", sound_weights() + data_of(sound_weights()), {"belong to no tensor"}},
          {"length 0", with_length(0), {"not valid JSON"}},
          {"length 1", with_length(1), {"not valid JSON", "header of 1 bytes"}},
          {"length beyond the file", with_length(99'000'000), {"99000000", "truncated"}},
          {"length over the limit", with_length(100'000'001), {"header length 100000001"}},
          {"length 2^63",
           with_length(std::uint64_t{1} << 63U),
           {"header length 9223372036854775808"}},
          {"length 2^64 - 1",
           with_length(std::numeric_limits<std::uint64_t>::max()),
           {"header length 18446744073709551615"}},
          {"big-endian length", with_length(0x4000000000000000U), {"header length"}},
      });
}

TEST_CASE("weights with a damaged header are refused") {
  check_refusals(
      weights,
      {
          {"no JSON", with_header("{'a': 1}"), {"offset 8", "not valid JSON", "column"}},
          {"a list", with_header("[]"), {"array", "expected an object"}},
          {"a number", with_header("17"), {"number", "expected an object"}},
          {"NUL bytes", with_header(std::string(64, '\0')), {"not valid JSON"}},
          {"no UTF-8", with_header("{\"a\xFF\": {}}"), {"not valid JSON"}},
          {"nested deeply", with_header(repeat("{\"a\":", 5000)), {"nested deeper than 16"}},
          {"a key of a megabyte",
           with_header(concat("{\"", std::string(1 << 20, 'k'), "\": 3}")),
           {"tensor \"kkk", "..."}},
          {"not closed", with_header(R"({"a": {"dtype": "F32")"), {"not valid JSON"}},
          {"rubbish at its end", with_header("{} trailing"), {"not valid JSON"}},
          {"no tensors", with_header("{}"), {"belong to no tensor"}},
          {"a tensor twice",
           with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
           {"\"a\" is given twice"}},
      });
}

TEST_CASE("weights with damaged tensors are refused") {
  check_refusals(
      weights,
      {
          {"an offset below 0", with_header(norm_entry("[-4, 192]")), {"-4 in \"data_offsets\""}},
          {"an offset as a float", with_header(norm_entry("[0, 192.0]")), {"192.0 in"}},
          {"an offset as text", with_header(norm_entry("[0, \"192\"]")), {"\"192\" in"}},
          {"an offset above 2^63",
           with_header(norm_entry("[0, 9223372036854775808]")),
           {"9223372036854775808 in"}},
          {"an offset beyond 2^64", with_header(norm_entry("[0, 1e30]")), {"1e+30 in"}},
          {"offsets reversed", with_header(norm_entry("[192, 0]")), {"[192, 0]", "in this order"}},
          {"an offset outside", with_header(norm_entry("[0, 900000000]")), {"outside of the file"}},
          {"offsets that nearly overflow",
           with_header(norm_entry("[9223372036854775800, 9223372036854775807]")),
           {"outside of the file"}},
          {"one offset", with_header(norm_entry("[192]")), {"expected two"}},
          {"no offsets", with_header(norm_entry("null")), {"no \"data_offsets\""}},
          {"a thousand offsets",
           with_header(norm_entry(concat('[', repeat("0,", 999), "0]"))),
           {"1000 numbers in \"data_offsets\"", "at most 64"}},
          {"a shape that overflows",
           with_in_header("[259,48]", "[4611686018427387904,48]"),
           {"tensor", "overflows 64-bit"}},
          {"a shape below 0", with_in_header("[259,48]", "[-259,-48]"), {"-259 in \"shape\""}},
          {"a shape too large", with_in_header("[259,48]", "[260,48]"), {"expected"}},
          {"a dtype too wide", with_in_header("\"F32\"", "\"F64\""), {"expected", "F64"}},
          {"a dtype as a number", with_in_header("\"F32\"", "32"), {"no \"dtype\""}},
      });
}

TEST_CASE("weights that are not the config's are refused") {
  std::string const whole = sound_weights();
  check_refusals(
      weights,
      {
          {"a tensor of an unknown dtype", with_in_header("\"F32\"", "\"Q4K\""), {"Q4K"}},
          {"a tensor transposed", with_in_header("[259,48]", "[48,259]"), {"[48, 259]"}},
          {"an infinite weight",
           with_float(3, std::numeric_limits<float>::infinity()),
           {"offset", "inf"}},
          {"a weight that is no number",
           with_float(1, std::numeric_limits<float>::quiet_NaN()),
           {"offset", "NaN"}},
      });
}

TEST_CASE("weights that lack a tensor are refused") {
  HostileRun const run;
  run.write(weights, with_in_header("model.norm.weight", "model.morn.weight"));
  CHECK_THAT(
      run.refusal(),
      ContainsSubstring("model: no tensor \"model.norm.weight\"") && ContainsSubstring("expected"));
}

TEST_CASE("an index that leads astray is refused") {
  HostileRun const run;
  run.damage([](fs::path const& model) { fs::rename(model / weights, model / "a.safetensors"); });
  auto const refused = [&](std::string const& index) {
    run.write(index_file, index);
    std::string const message = run.refusal();
    CHECK_THAT(message, ContainsSubstring("model"));
    return message;
  };
  auto const names = [](std::string_view file) {
    return concat(R"({"weight_map":{"model.norm.weight":)", file, "}}");
  };
  CHECK_THAT(refused(""), ContainsSubstring(index_file) && ContainsSubstring("not valid JSON"));
  CHECK_THAT(refused("{}"), ContainsSubstring("no \"weight_map\""));
  CHECK_THAT(refused(R"({"weight_map":{}})"), ContainsSubstring("no \"weight_map\""));
  CHECK_THAT(refused(names("7")), ContainsSubstring("7 (expected the name of a file)"));
  CHECK_THAT(refused(names("\"\"")), ContainsSubstring("expected the name of a file beside"));
  CHECK_THAT(refused(names("\"..\"")), ContainsSubstring("\"..\" (expected"));
  CHECK_THAT(refused(names("\"../model/a.safetensors\"")), ContainsSubstring("\"../model/a"));
  CHECK_THAT(refused(names("\"/etc/passwd\"")), ContainsSubstring("\"/etc/passwd\" (expected"));
  CHECK_THAT(refused(names("\"a.safetensors\\u0000x\"")),
             ContainsSubstring("\\u0000x\" (expected"));
  CHECK_THAT(refused(names("\"b.safetensors\"")), ContainsSubstring("b.safetensors: missing"));
  CHECK_THAT(refused(names("\"a.safetensors\"")), ContainsSubstring("model.embed_tokens.weight"));
  CHECK_THAT(refused(R"({"weight_map":{"no.such":"a.safetensors"}})"),
             ContainsSubstring("a.safetensors: no tensor \"no.such\""));
  CHECK_THAT(refused(R"({"weight_map":{"x":"a.safetensors","x":"a.safetensors"}})"),
             ContainsSubstring("\"x\" is given twice"));
  CHECK_THAT(refused(std::string("{\"weight_map\":{\"\\ud800\":\"a\"}}")),
             ContainsSubstring("not valid JSON"));
  CHECK_THAT(refused(repeat("[", 100'000)), ContainsSubstring("nested deeper"));
}

TEST_CASE("weights that are no file are refused") {
  HostileRun const run;
  auto const refused = [&](std::function<void(fs::path const& file)> const& make) {
    run.damage([&](fs::path const& model) {
      fs::remove_all(model / weights);
      make(model / weights);
    });
    return run.refusal();
  };
  CHECK_THAT(refused([](fs::path const&) {}), ContainsSubstring("0 *.safetensors files"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_directory(file); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_symlink("nowhere", file); }),
             ContainsSubstring("can't be opened"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_symlink(file, file); }),
             ContainsSubstring("can't be opened"));
  CHECK_THAT(refused([](fs::path const& file) { ::mkfifo(file.c_str(), 0600); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_symlink("/dev/zero", file); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) {
               std::ofstream{file.parent_path() / "a.safetensors"} << "x";
               std::ofstream{file.parent_path() / "b.safetensors"} << "x";
             }),
             ContainsSubstring("2 *.safetensors files"));
}
