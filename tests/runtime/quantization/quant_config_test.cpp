// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/quant_config.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/config_fields.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;
using kernels::QuantFormat;
using kernels::QuantKind;

namespace {

CheckpointQuantization read(std::string const& text) {
  io::Json const json = io::parse_json(text, "config.json");
  return read_quantization(ConfigFields{json, "config.json"});
}

std::string compressed(std::string const& format, std::string const& weights) {
  return R"({"quant_method": "compressed-tensors", "format": ")" + format +
         R"(", "ignore": ["lm_head", "re:.*mlp.gate$"], "config_groups": {"group_0": )"
         R"({"targets": ["Linear"], "weights": {)" +
         weights + "}}}}";
}

}  // namespace

TEST_CASE("a quantization_config says what codes mean") {
  CheckpointQuantization const gptq = read(
      R"({"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": false, "desc_act": true})");
  CHECK(gptq.format == QuantFormat{QuantKind::int4, 128, true, 1});
  CHECK(gptq.act_order);
  CHECK(gptq.zeros_less_one);
  CHECK(read(R"({"quant_method": "gptq", "bits": 8, "group_size": -1, "sym": true,
                 "checkpoint_format": "gptq_v2"})")
            .format == QuantFormat{QuantKind::int8, 0, false, 1});
  CHECK(
      read(R"({"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": true})").format ==
      QuantFormat{QuantKind::int4, 64, true, 1});
  CHECK(read(R"({"quant_method": "fp8", "weight_block_size": [128, 64]})").format ==
        QuantFormat{QuantKind::fp8_e4m3, 64, false, 128});
  CHECK(read(R"({"quant_method": "mxfp4"})").format == QuantFormat{QuantKind::mxfp4, 32, false, 1});
  CHECK(
      read(compressed("pack-quantized", R"("num_bits": 4, "strategy": "group", "group_size": 32)"))
          .format == QuantFormat{QuantKind::int4, 32, false, 1});
  CHECK(
      read(compressed("float-quantized", R"("num_bits": 8, "type": "float", "strategy": "tensor")"))
          .one_scale);
}

TEST_CASE("what is not quantised is told by its name") {
  auto const quantization =
      read(compressed("int-quantized", R"("num_bits": 8, "strategy": "channel")"));
  CHECK(quantization.covers("model.layers.0.mlp.experts.3.gate_proj"));
  CHECK_FALSE(quantization.covers("model.layers.0.mlp.gate"));
  CHECK_FALSE(quantization.covers("lm_head"));
  auto const awq = read(R"({"quant_method": "awq", "bits": 4, "group_size": 64,
                            "modules_to_not_convert": ["self_attn"]})");
  CHECK_FALSE(awq.covers("model.layers.7.self_attn.q_proj"));
  CHECK(awq.covers("model.layers.7.mlp.up_proj"));
}

TEST_CASE("what a quantization_config must not say is refused by its name") {
  struct Bad {
    std::string text;
    char const* field;
  };

  auto const bad = GENERATE(
      Bad{R"({"quant_method": "mystery"})", "quant_method"},
      Bad{R"({"quant_method": "gptq", "bits": 3, "group_size": 128})", "bits"},
      Bad{R"({"quant_method": "gptq", "bits": 4, "group_size": 16})", "group_size"},
      Bad{R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "new": 1})", "new"},
      Bad{R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"a": 1}})",
          "dynamic"},
      Bad{R"({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemv"})", "version"},
      Bad{R"({"quant_method": "fp8", "weight_block_size": [128]})", "weight_block_size"},
      Bad{R"({"quant_method": "fp8", "weight_block_size": [1, 128], "activation_scheme": "static"})",
          "activation_scheme"},
      Bad{R"({"quant_method": "mxfp4", "modules_to_not_convert": ["mlp.experts"]})",
          "modules_to_not_convert"},
      Bad{compressed("nvfp4-pack-quantized", R"("num_bits": 4)"), "format"},
      Bad{compressed("pack-quantized", R"("num_bits": 2, "strategy": "channel")"), "num_bits"},
      Bad{compressed("int-quantized", R"("num_bits": 8, "strategy": "token")"), "strategy"},
      Bad{R"({"quant_method": "compressed-tensors", "format": "pack-quantized"})", "config_groups"},
      Bad{R"({"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["re:("],
              "config_groups": {"a": {"targets": ["Linear"],
              "weights": {"num_bits": 8, "strategy": "channel"}}}})",
          "ignore"});
  CHECK_THROWS_WITH(read(bad.text), ContainsSubstring(bad.field));
}
