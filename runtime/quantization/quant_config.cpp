// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/quant_config.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/model/config_fields.hpp"
#include "runtime/quantization/compressed_config.hpp"
#include "runtime/quantization/known_fields.hpp"

namespace talus::runtime {
namespace {

using kernels::QuantFormat;
using kernels::QuantKind;

/// -1 stands for a whole row.
std::int64_t group_from(ConfigFields const& fields) {
  io::Json const* const value = fields.find("group_size");
  bool const is_number = value != nullptr && value->is_number_integer();
  std::int64_t const group = is_number ? value->get<std::int64_t>() : 0;
  if (group == -1) {
    return 0;
  }
  check_group(fields, "group_size", group);
  return group;
}

CheckpointQuantization read_gptq(ConfigFields const& fields) {
  allow_fields(fields,
               {"bits",
                "group_size",
                "desc_act",
                "sym",
                "lm_head",
                "checkpoint_format",
                "format",
                "pack_dtype",
                "dynamic",
                "is_marlin_format",
                "modules_in_block_to_quantize"},
               {"meta",
                "damp_percent",
                "damp_auto_increment",
                "true_sequential",
                "static_groups",
                "model_name_or_path",
                "model_file_base_name",
                "use_cuda_fp16",
                "use_exllama",
                "backend",
                "max_input_length",
                "exllama_config",
                "cache_block_outputs",
                "block_name_to_quantize",
                "batch_size",
                "pad_token_id",
                "dataset",
                "tokenizer",
                "model_seqlen",
                "module_name_preceding_first_block",
                "disable_exllama",
                "mse",
                "quant_method",
                "act_group_aware",
                "offload_to_disk"});
  std::int64_t const bits = fields.size("bits");
  if (bits != 4 && bits != 8) {
    fields.refuse("bits", "GPTQ of 4 and 8 bits is supported");
  }
  fields.expect_only("pack_dtype", "int32", "codes are read from words of 32 bits");
  fields.expect_only("is_marlin_format", false, "Marlin's arrangement of codes is not supported");
  if (fields.has("dynamic") && !fields.find("dynamic")->empty()) {
    fields.refuse("dynamic", "one format for all layers is supported");
  }
  bool const sym = fields.flag_or("sym", true);
  CheckpointQuantization found;
  found.method = "gptq";
  found.layout = QuantLayout::gptq;
  found.format = {bits == 4 ? QuantKind::int4 : QuantKind::int8, group_from(fields), !sym, 1};
  found.act_order = fields.flag_or("desc_act", false);
  found.stored_zeros = true;
  std::string const format = fields.text_or("checkpoint_format", fields.text_or("format", "gptq"));
  if (format != "gptq" && format != "gptq_v2") {
    fields.refuse(fields.has("checkpoint_format") ? "checkpoint_format" : "format",
                  "gptq and gptq_v2 are supported");
  }
  found.zeros_less_one = format == "gptq";
  found.quantizes_head = fields.flag_or("lm_head", false);
  if (io::Json const* const blocks = fields.find("modules_in_block_to_quantize")) {
    found.only = nested_texts(fields, "modules_in_block_to_quantize", *blocks);
  }
  return found;
}

CheckpointQuantization read_awq(ConfigFields const& fields) {
  allow_fields(fields,
               {"bits", "group_size", "zero_point", "version", "modules_to_not_convert"},
               {"quant_method",
                "backend",
                "do_fuse",
                "exllama_config",
                "fuse_max_seq_len",
                "modules_to_fuse"});
  if (fields.size("bits") != 4) {
    fields.refuse("bits", "AWQ of 4 bits is supported");
  }
  if (std::string const version = fields.text_or("version", "gemm");
      version != "gemm" && version != "GEMM") {
    fields.refuse("version", "only gemm is supported");
  }
  CheckpointQuantization found;
  found.method = "awq";
  found.layout = QuantLayout::awq;
  found.format = {QuantKind::int4, group_from(fields), fields.flag_or("zero_point", true), 1};
  found.stored_zeros = true;
  found.ignored = fields.texts("modules_to_not_convert");
  return found;
}

CheckpointQuantization read_fp8(ConfigFields const& fields) {
  allow_fields(fields,
               {"fmt",
                "activation_scheme",
                "weight_block_size",
                "modules_to_not_convert",
                "ignored_layers",
                "kv_cache_scheme",
                "scale_fmt"},
               {"quant_method", "dequantize"});
  fields.expect_only("fmt", "e4m3", "8-bit floats of 4 exponent bits are supported");
  fields.expect_only(
      "activation_scheme", "dynamic", "stored scales of activations are not supported");
  if (fields.has("kv_cache_scheme")) {
    fields.refuse("kv_cache_scheme", "stored scales of the KV cache are not supported");
  }
  static_cast<void>(
      fields.find("scale_fmt"));  // which scales were allowed; they are read as floats
  std::vector<std::int64_t> const block = fields.integers("weight_block_size");
  if (block.size() != 2) {
    fields.refuse("weight_block_size", "must be two sizes, of outputs and inputs");
  }
  check_group(fields, "weight_block_size", block[1]);
  if (block[0] < 1 || block[0] > largest_group) {
    fields.refuse("weight_block_size", concat("of outputs: 1 to ", largest_group));
  }
  CheckpointQuantization found;
  found.method = "fp8";
  found.layout = QuantLayout::blocks;
  found.format = {QuantKind::fp8_e4m3, block[1], false, block[0]};
  found.ignored = fields.texts("modules_to_not_convert");
  std::ranges::copy(fields.texts("ignored_layers"), std::back_inserter(found.ignored));
  return found;
}

CheckpointQuantization read_mxfp4(ConfigFields const& fields) {
  allow_fields(fields, {"modules_to_not_convert"}, {"quant_method", "dequantize"});
  // Only the experts are; what the list says beyond them is the same for every such checkpoint.
  CheckpointQuantization found;
  found.method = "mxfp4";
  found.layout = QuantLayout::stacked;
  found.format = {QuantKind::mxfp4, 32, false, 1};
  found.only = {".experts."};
  for (std::string const& name : fields.texts("modules_to_not_convert")) {
    if (name.find("experts") != std::string::npos) {
      fields.refuse("modules_to_not_convert", "experts are expected to be quantised");
    }
  }
  return found;
}

bool contains_any(std::string_view module, std::span<std::string const> parts) {
  return std::ranges::any_of(
      parts, [&](std::string const& part) { return module.find(part) != std::string_view::npos; });
}

}  // namespace

std::int64_t CheckpointQuantization::bits() const noexcept {
  bool const is_byte = format.kind == QuantKind::int8 || format.kind == QuantKind::fp8_e4m3;
  return is_byte ? 8 : 4;
}

bool CheckpointQuantization::covers(std::string_view module) const {
  if (contains_any(module, ignored) || (!only.empty() && !contains_any(module, only))) {
    return false;
  }
  return std::ranges::none_of(patterns, [&](auto const& matches) { return matches(module); });
}

CheckpointQuantization read_quantization(ConfigFields const& fields) {
  std::string const method = fields.text_or("quant_method", "");
  if (method == "gptq") {
    return read_gptq(fields);
  }
  if (method == "awq") {
    return read_awq(fields);
  }
  if (method == "fp8") {
    return read_fp8(fields);
  }
  if (method == "mxfp4") {
    return read_mxfp4(fields);
  }
  if (method == "compressed-tensors") {
    return read_compressed(fields);
  }
  fields.refuse("quant_method", "known are gptq, awq, compressed-tensors, fp8, mxfp4");
}

}  // namespace talus::runtime
