// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/compressed_config.hpp"

#include <optional>
#include <regex>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/model/config_fields.hpp"
#include "runtime/quantization/known_fields.hpp"

namespace talus::runtime {
namespace {

using kernels::QuantFormat;
using kernels::QuantKind;

/// Inputs of a scale, from the strategy.
void read_strategy(ConfigFields const& weights, CheckpointQuantization& found) {
  std::string const strategy =
      weights.text_or("strategy", weights.has("group_size") ? "group" : "tensor");
  if (strategy == "group") {
    found.format.group = weights.size("group_size");
    check_group(weights, "group_size", found.format.group);
  } else if (strategy == "block") {
    std::vector<std::int64_t> const block = weights.integers("block_structure");
    if (block.size() != 2 || block[0] < 1 || block[0] > largest_group) {
      weights.refuse("block_structure", "must be two sizes, of outputs and inputs");
    }
    check_group(weights, "block_structure", block[1]);
    found.format.group = block[1];
    found.format.block_outputs = block[0];
  } else if (strategy == "tensor") {
    found.one_scale = true;
  } else if (strategy != "channel") {
    weights.refuse("strategy", "channel, group, block and tensor are supported");
  }
}

void read_weights(ConfigFields const& weights,
                  std::string const& format,
                  CheckpointQuantization& found) {
  allow_fields(weights,
               {"num_bits",
                "type",
                "strategy",
                "group_size",
                "symmetric",
                "dynamic",
                "actorder",
                "block_structure"},
               {"observer", "observer_kwargs", "scale_dtype", "zp_dtype"});
  std::int64_t const bits = weights.size("num_bits");
  bool const is_float = weights.text_or("type", "int") == "float";
  weights.expect_only("dynamic", false, "weights must have been quantised when they were saved");
  bool const is_packed = format == "pack-quantized";
  if (is_float != (format == "float-quantized") || (bits != 8 && (bits != 4 || !is_packed))) {
    weights.refuse("num_bits", concat("8 bits, or 4 in pack-quantized, not as ", format));
  }
  bool const symmetric = weights.flag_or("symmetric", true);
  if (is_float && !symmetric) {
    weights.refuse("symmetric", "floats have no zero points");
  }
  found.layout = is_packed ? QuantLayout::words : QuantLayout::bytes;
  found.format.kind = bits == 4 ? QuantKind::int4 : QuantKind::int8;
  if (is_float) {
    found.format.kind = QuantKind::fp8_e4m3;
  }
  found.format.zero_points = !symmetric;
  found.stored_zeros = !symmetric;
  // The order "static" or "weight" only matters while quantising.
  found.act_order = weights.text_or("actorder", "") == "group";
  read_strategy(weights, found);
}

void check_activations(ConfigFields const& group) {
  if (group.has("output_activations")) {
    group.refuse("output_activations", "quantised outputs are not supported");
  }
  if (std::optional<ConfigFields> const inputs = group.object("input_activations");
      inputs && !inputs->flag_or("dynamic", false)) {
    inputs->refuse("dynamic", "stored scales of activations are not supported");
  }
}

/// A name, or "re:" and a regular expression that the beginning of a name must match.
std::function<bool(std::string_view)> matcher_of(ConfigFields const& fields,
                                                 std::string const& entry) {
  constexpr std::size_t longest_pattern = 1000;
  if (entry.rfind("re:", 0) != 0) {
    return [entry](std::string_view name) { return name == entry; };
  }
  if (entry.size() > longest_pattern) {
    fields.refuse("ignore", concat("expressions of at most ", longest_pattern, " bytes"));
  }
  try {
    return [pattern = std::regex{entry.substr(3)}](std::string_view name) {
      return std::regex_search(
          name.begin(), name.end(), pattern, std::regex_constants::match_continuous);
    };
  } catch (std::regex_error const& error) {
    fields.refuse("ignore", concat(entry, ": ", error.what()));
  }
}

void read_targets(ConfigFields const& fields,
                  ConfigFields const& group,
                  CheckpointQuantization& found) {
  std::vector<std::string> const targets = group.texts("targets");
  if (targets.size() != 1 || targets.front() != "Linear") {
    group.refuse("targets", "[\"Linear\"] is supported");
  }
  found.quantizes_head = true;
  found.quantizes_router = true;
  for (std::string const& name : fields.texts("ignore")) {
    found.patterns.push_back(matcher_of(fields, name));
  }
}

ConfigFields only_group(ConfigFields const& fields) {
  std::optional<ConfigFields> const groups = fields.object("config_groups");
  if (!groups || groups->names().size() != 1) {
    fields.refuse("config_groups", "one group is supported");
  }
  std::optional<ConfigFields> const group = groups->object(groups->names().front());
  if (!group) {
    groups->refuse(groups->names().front(), "must be an object");
  }
  return *group;
}

}  // namespace

CheckpointQuantization read_compressed(ConfigFields const& fields) {
  allow_fields(fields,
               {"format",
                "config_groups",
                "ignore",
                "kv_cache_scheme",
                "sparsity_config",
                "transform_config"},
               {"quant_method", "global_compression_ratio", "quantization_status", "version"});
  if (fields.has("kv_cache_scheme")) {
    fields.refuse("kv_cache_scheme", "stored scales of the KV cache are not supported");
  }
  for (char const* const name : {"sparsity_config", "transform_config"}) {
    if (fields.has(name) && !fields.find(name)->empty()) {
      fields.refuse(name, "only quantised weights are supported");
    }
  }
  ConfigFields const group = only_group(fields);
  allow_fields(
      group, {"targets", "weights", "input_activations", "output_activations", "format"}, {});
  std::string const format = group.text_or("format", fields.text_or("format", ""));
  if (format != "pack-quantized" && format != "int-quantized" && format != "float-quantized") {
    fields.refuse("format", "pack-quantized, int-quantized and float-quantized are supported");
  }
  std::optional<ConfigFields> const weights = group.object("weights");
  if (!weights) {
    group.refuse("weights", "must be there");
  }
  check_activations(group);
  CheckpointQuantization found;
  found.method = "compressed-tensors";
  read_weights(*weights, format, found);
  read_targets(fields, group, found);
  return found;
}

}  // namespace talus::runtime
