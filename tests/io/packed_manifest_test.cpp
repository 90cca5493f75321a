// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "io/sharded/manifest.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

io::ShardManifest example() {
  io::PackedTensor const first{"a.weight", "float32", "", 0, 5000, {1, 2}};
  io::PackedTensor const second{
      "b.weight", "int4-g32", "bfloat16", 5056, 4096, {~std::uint64_t{0}}};
  return {.talus = "0.1.0",
          .config_hash = 0xABCDEF,
          .tensor_parallel_size = 2,
          .pipeline_parallel_size = 3,
          .expert_parallel_size = 4,
          .backend = "avx2",
          .packing_hash = 7,
          .dtype = "bfloat16",
          .quantization = "none",
          .chunk_bytes = 4096,
          .files = {{"stage-0-shard-0.weights", 9152, {first, second}}}};
}

/// What is said of the example with a piece of its text replaced.
std::string refusal(std::string_view from, std::string_view to) {
  std::string text = io::format_manifest(example());
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  try {
    static_cast<void>(io::parse_manifest(text, "manifest.json"));
  } catch (ConfigError const& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a manifest is read as it was written") {
  std::string const text = io::format_manifest(example());
  io::ShardManifest const read = io::parse_manifest(text, "manifest.json");

  CHECK(io::format_manifest(read) == text);
  CHECK(read.config_hash == 0xABCDEF);
  CHECK(read.total_bytes() == 9152);
  REQUIRE(read.find("stage-0-shard-0.weights") != nullptr);
  CHECK(read.find("stage-0-shard-1.weights") == nullptr);
  CHECK(read.files.front().tensors.back().hashes.front() == ~std::uint64_t{0});
}

TEST_CASE("a manifest that lies is refused, with the place") {
  CHECK_THAT(refusal("talus-packed-weights", "other"), ContainsSubstring("\"format\""));
  CHECK_THAT(refusal("\"format_version\":1", "\"format_version\":2"),
             ContainsSubstring("format_version 2"));
  CHECK_THAT(refusal("stage-0-shard-0.weights", "../secret"),
             ContainsSubstring("files[0]: file") && ContainsSubstring("name of a file"));
  CHECK_THAT(refusal("stage-0-shard-0.weights", "/etc/passwd"),
             ContainsSubstring("name of a file"));
  CHECK_THAT(refusal("stage-0-shard-0.weights", ".."), ContainsSubstring("name of a file"));
  CHECK_THAT(refusal("\"bytes\":9152", "\"bytes\":9153"), ContainsSubstring("tensors end at 9152"));
  CHECK_THAT(refusal("\"bytes\":5000", "\"bytes\":5001000"), ContainsSubstring("2 checksums"));
  CHECK_THAT(refusal("\"bytes\":5000", "\"bytes\":18446744073709551615"),
             ContainsSubstring("\"a.weight\": bytes") && ContainsSubstring("integer"));
  CHECK_THAT(refusal("\"bytes\":5000", "\"bytes\":-1"), ContainsSubstring("integer"));
  CHECK_THAT(refusal("\"bytes\":5000", "\"bytes\":5e3"), ContainsSubstring("integer"));
  CHECK_THAT(refusal("\"offset\":5056", "\"offset\":4999"), ContainsSubstring("must follow"));
  CHECK_THAT(refusal("\"offset\":5056", "\"offset\":10000"), ContainsSubstring("must follow"));
  CHECK_THAT(refusal("b.weight", "a.weight"), ContainsSubstring("twice"));
  CHECK_THAT(refusal("\"chunk_bytes\":4096", "\"chunk_bytes\":1"),
             ContainsSubstring("chunk_bytes"));
  CHECK_THAT(refusal("0000000000000001", "1"), ContainsSubstring("hexadecimal"));
  CHECK_THAT(refusal("\"tensor_parallel_size\":2", "\"tensor_parallel_size\":0"),
             ContainsSubstring("grid: tensor_parallel_size"));
  CHECK_THAT(refusal("\"backend\":\"avx2\"", "\"backend\":[]"),
             ContainsSubstring("kernels: backend"));
  CHECK_THAT(refusal("\"dtype\"", "\"type\""), ContainsSubstring("no \"dtype\""));
}
