// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/safetensors.hpp"

#include <string>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"

#include "tests/io/checkpoint_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using Catch::Matchers::ContainsSubstring;
using talus::test::config_error_of;
using talus::test::safetensors_file;
using talus::test::TempDir;

namespace {

// The error of reading a file of these bytes.
std::string refusal_of(std::string const& bytes) {
  TempDir const dir{"damaged"};
  dir.write("bad.safetensors", bytes);
  return config_error_of(
      [&] { static_cast<void>(io::read_safetensors_header(dir.path() / "bad.safetensors")); });
}

struct Damage {
  char const* what;
  std::string bytes;
  std::vector<std::string> said;
};

Damage header(char const* what, std::string const& text, std::vector<std::string> said) {
  return {what, safetensors_file(text, std::string(8, '\0')), std::move(said)};
}

// Damage to the file as a whole.
std::vector<Damage> damaged_files() {
  auto const whole = safetensors_file({{"a", "F32", {2}, std::string(8, '\0')}});
  return {
      {"no bytes", "", {"file of 0 bytes", "expected 8 bytes at offset 0"}},
      {"three bytes", "abc", {"file of 3 bytes"}},
      {"text", "This is a web page, not a checkpoint", {"header length", "not a safetensors file"}},
      {"cut header", whole.substr(0, 40), {"header of", "the file has 40 bytes", "truncated"}},
      {"cut data", whole.substr(0, whole.size() - 1), {"tensor \"a\"", "[0, 8]", "truncated"}},
      {"long data", whole + "xy", {"2 bytes at offset", "belong to no tensor", "after a"}},
  };
}

// Damage to the header; eight bytes of data follow it.
std::vector<Damage> damaged_headers() {
  return {
      header("no JSON", R"({"a": )", {"header of 6 bytes at offset 8", "not valid JSON"}),
      header("no object", "[1, 2]", {"array", "expected an object"}),
      header("deep", std::string(50, '['), {"nested deeper"}),
      header("twice",
             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
             R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
             {"\"a\" is given twice"}),
      header("no entry", R"({"a":[0,8]})", {"tensor \"a\": array", "expected an object"}),
      header("no dtype", R"({"a":{"shape":[2],"data_offsets":[0,8]}})", {"no \"dtype\""}),
      header("no shape", R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", {"no \"shape\""}),
      header("no offsets", R"({"a":{"dtype":"F32","shape":[2]}})", {"no \"data_offsets\""}),
      header("negative",
             R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
             {"-2 in \"shape\"", "whole numbers from 0"}),
      header("fraction",
             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}})",
             {"8.0 in \"data_offsets\""}),
      header("huge",
             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})",
             {"18446744073709551615 in \"data_offsets\""}),
      header("three",
             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})",
             {"data_offsets [0, 4, 8]", "expected two"}),
      header("reversed",
             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
             {"data_offsets [8, 0]", "in this order"}),
      header("outside",
             R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
             {"tensor \"a\"", "outside of the file", "truncated"}),
      header("size",
             R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}})",
             {"hold 8 bytes", "expected 4 for F16 [2]"}),
      header("overflow",
             R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})",
             {"shape [4294967296, 4294967296]", "overflows"}),
      header("overflow beside 0",
             R"({"a":{"dtype":"F4","shape":[0,4294967296,4294967296],"data_offsets":[0,8]}})",
             {"overflows"}),
      header("overlap",
             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
             {"tensor \"b\"", "overlapping a"}),
      header("hole",
             R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
             {"tensor \"b\"", "leaving a hole after a"}),
      header("hole at the start",
             R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
             {"tensor \"b\"", "leaving a hole after the header"}),
  };
}

std::string refusal_to_open(TempDir const& dir) {
  return config_error_of([&] { static_cast<void>(io::Checkpoint::open(dir.path())); });
}

std::string const two_floats(8, '\0');

}  // namespace

TEST_CASE("a damaged file is refused, and the message says file, place and expectation") {
  auto damages = damaged_files();
  for (Damage& damage : damaged_headers()) {
    damages.push_back(std::move(damage));
  }
  for (Damage const& damage : damages) {
    CAPTURE(damage.what);
    auto const message = refusal_of(damage.bytes);
    CHECK_THAT(message, ContainsSubstring("bad.safetensors"));
    for (std::string const& text : damage.said) {
      CHECK_THAT(message, ContainsSubstring(text));
    }
  }
}

TEST_CASE("a missing file and a directory are refused") {
  TempDir const dir{"missing"};

  CHECK_THAT(
      config_error_of([&] { static_cast<void>(io::read_safetensors_header(dir.path() / "no")); }),
      ContainsSubstring("can't be opened"));
  CHECK_THAT(config_error_of([&] { static_cast<void>(io::read_safetensors_header(dir.path())); }),
             ContainsSubstring("not a regular file"));
}

TEST_CASE("a header gives tensors in the order of their data, with absolute offsets") {
  TempDir const dir{"header"};
  dir.write("x.safetensors",
            safetensors_file({{"z", "F32", {2, 1}, std::string(8, 'z')},
                              {"scalar", "F64", {}, std::string(8, 's')},
                              {"empty", "BF16", {0, 7}, ""},
                              {"stack", "U8", {2, 3, 4}, std::string(24, 'u')}}));

  auto const found = io::read_safetensors_header(dir.path() / "x.safetensors");

  REQUIRE(found.tensors.size() == 4);
  CHECK(found.tensors[0].name == "z");
  CHECK(found.tensors[0].offset == found.data_offset);
  CHECK(found.tensors[1].name == "scalar");
  CHECK(found.tensors[1].rows() == 1);
  CHECK(found.tensors[1].columns() == 1);
  CHECK(found.tensors[2].bytes == 0);
  CHECK(found.tensors[3].dtype == DType::u8);
  CHECK(found.tensors[3].offset == found.data_offset + 16);
  CHECK(found.tensors[3].rows() == 2);
  CHECK(found.tensors[3].columns() == 12);
}

TEST_CASE("a tensor of an unknown dtype can be listed") {
  TempDir const dir{"dtype"};
  dir.write("x.safetensors", safetensors_file({{"scale", "F8_E8M0", {3}, "abc"}}));

  auto const found = io::read_safetensors_header(dir.path() / "x.safetensors");

  REQUIRE(found.tensors.size() == 1);
  CHECK_FALSE(found.tensors[0].dtype.has_value());
  CHECK(found.tensors[0].dtype_name == "F8_E8M0");
  CHECK(found.tensors[0].bytes == 3);
}

TEST_CASE("an index decides which files and tensors belong to the checkpoint") {
  TempDir const dir{"index"};
  dir.write(
      "a.safetensors",
      safetensors_file({{"one", "F32", {2}, two_floats}, {"left out", "F32", {2}, two_floats}}));
  dir.write("b.safetensors", safetensors_file({{"two", "F32", {1, 2}, two_floats}}));
  dir.write("consolidated.safetensors", "not read at all");
  dir.write("model.safetensors.index.json",
            R"({"metadata":{"total_size":1},)"
            R"("weight_map":{"two":{"file":"b.safetensors"},"one":"a.safetensors"}})");

  auto const checkpoint = io::Checkpoint::open(dir.path());

  CHECK(checkpoint.files().size() == 2);
  CHECK(checkpoint.tensors().size() == 2);
  CHECK(checkpoint.total_bytes() == 16);
  REQUIRE(checkpoint.find("two") != nullptr);
  CHECK(checkpoint.files()[static_cast<std::size_t>(checkpoint.find("two")->file)].filename() ==
        "b.safetensors");
  CHECK(checkpoint.find("left out") == nullptr);
  CHECK(checkpoint.find("") == nullptr);
}

TEST_CASE("without an index model.safetensors is taken, or the only safetensors file") {
  TempDir const dir{"single"};
  CHECK_THAT(refusal_to_open(dir), ContainsSubstring("0 *.safetensors files"));

  dir.write("weights.safetensors", safetensors_file({{"w", "F32", {2}, two_floats}}));
  CHECK(io::Checkpoint::open(dir.path()).find("w") != nullptr);

  dir.write("more.safetensors", safetensors_file({{"v", "F32", {2}, two_floats}}));
  CHECK_THAT(refusal_to_open(dir), ContainsSubstring("2 *.safetensors files"));

  dir.write("model.safetensors", safetensors_file({{"m", "F32", {2}, two_floats}}));
  auto const checkpoint = io::Checkpoint::open(dir.path());
  CHECK(checkpoint.find("m") != nullptr);
  CHECK(checkpoint.find("w") == nullptr);

  CHECK_THAT(config_error_of([&] {
               static_cast<void>(io::Checkpoint::open(dir.path() / "weights.safetensors"));
             }),
             ContainsSubstring("not a directory"));
}

TEST_CASE("an index that does not fit its files is refused") {
  TempDir const dir{"bad-index"};
  dir.write("a.safetensors", safetensors_file({{"one", "F32", {2}, two_floats}}));
  dir.write("b.safetensors", safetensors_file({{"two", "F32", {2}, two_floats}}));
  auto const refusal = [&](std::string const& index) {
    dir.write("model.safetensors.index.json", index);
    return refusal_to_open(dir);
  };

  CHECK_THAT(refusal("[]"), ContainsSubstring("no \"weight_map\""));
  CHECK_THAT(refusal(R"({"weight_map":3})"), ContainsSubstring("no \"weight_map\""));
  CHECK_THAT(refusal(R"({"weight_map":{"one":3}})"),
             ContainsSubstring("tensor \"one\": 3 (expected the name of a file)"));
  CHECK_THAT(refusal(R"({"weight_map":{"one":"../a.safetensors"}})"),
             ContainsSubstring("\"../a.safetensors\" (expected the name of a file beside"));
  CHECK_THAT(refusal(R"({"weight_map":{"one":"c.safetensors"}})"),
             ContainsSubstring("c.safetensors: missing") && ContainsSubstring("\"one\""));
  CHECK_THAT(refusal(R"({"weight_map":{"one":"b.safetensors","two":"b.safetensors"}})"),
             ContainsSubstring("b.safetensors: no tensor \"one\""));
  CHECK_THAT(refusal(R"({"weight_map":{"one":"b.safetensors","two":"a.safetensors"}})"),
             ContainsSubstring("tensor \"one\" in b.safetensors (found in a.safetensors instead)"));
}

TEST_CASE("a sharded checkpoint of the safetensors package is read") {
  auto const checkpoint = io::Checkpoint::open(TALUS_TEST_DATA "/models/llama3_bf16");

  CHECK(checkpoint.files().size() == 4);
  auto const* const embedding = checkpoint.find("model.embed_tokens.weight");
  REQUIRE(embedding != nullptr);
  CHECK(embedding->dtype == DType::bf16);
  CHECK(embedding->bytes == embedding->rows() * embedding->columns() * 2);
}
