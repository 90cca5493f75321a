// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/sharded/manifest.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "runtime/base/error.hpp"
#include "runtime/engine/memory_budget.hpp"
#include "runtime/model/family.hpp"
#include "runtime/model/inspection.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  std::string model;
  bool json = false;
};

using Manifest = std::optional<io::ShardManifest>;  // of packed weights, if it is no checkpoint

std::optional<io::ShardManifest> find_manifest(std::filesystem::path const& dir) {
  if (!io::has_packed_weights(dir)) {
    return std::nullopt;
  }
  std::filesystem::path const file = dir / io::manifest_name;
  return io::parse_manifest(io::read_text_file(file), file.string());
}

io::Json to_json(io::ShardManifest const& manifest) {
  return {{"talus", manifest.talus},
          {"tensor_parallel_size", manifest.tensor_parallel_size},
          {"pipeline_parallel_size", manifest.pipeline_parallel_size},
          {"expert_parallel_size", manifest.expert_parallel_size},
          {"backend", manifest.backend},
          {"dtype", manifest.dtype},
          {"quantization", manifest.quantization},
          {"files", manifest.files.size()},
          {"bytes", manifest.total_bytes()}};
}

io::Json to_json(runtime::ModelSpec const& spec,
                 runtime::Inspection const& inspection,
                 Manifest const& manifest) {
  io::Json kv = io::Json::array();
  for (runtime::KvLayerKind const& layer : inspection.kv_layers) {
    kv.push_back(
        {{"kind", layer.kind}, {"layers", layer.layers}, {"bytes_per_token", layer.token_bytes}});
  }
  io::Json json = {{"family", spec.family},
                   {"architecture", spec.architecture},
                   {"layers", spec.layers.size()},
                   {"hidden_size", spec.hidden},
                   {"vocab_size", spec.vocab},
                   {"max_position", spec.max_position}};
  if (manifest) {
    json["packed"] = to_json(*manifest);
  } else {
    json["parameters"] = {{"total", inspection.parameters},
                          {"active", inspection.active_parameters}};
  }
  json["quantization"] = inspection.quantization;
  json["bytes_by_dtype"] = inspection.bytes_by_dtype;
  json["kv_bytes_per_token"] = inspection.kv_token_bytes;
  json["kv_layers"] = kv;
  json["missing"] = inspection.names.missing;
  json["unknown"] = inspection.names.unknown;
  return json;
}

void print(io::ShardManifest const& manifest) {
  std::cout << "packed       by talus " << manifest.talus << " for pp "
            << manifest.pipeline_parallel_size << " x tp " << manifest.tensor_parallel_size
            << ", ep " << manifest.expert_parallel_size << ", backend " << manifest.backend << ", "
            << manifest.dtype << ": " << manifest.files.size() << " files of "
            << manifest.total_bytes() << " bytes (" << runtime::format_bytes(manifest.total_bytes())
            << ")\n";
}

void print_list(char const* what, std::vector<std::string> const& names) {
  if (names.empty()) {
    return;
  }
  std::cout << what << ' ' << names.size() << " tensors:\n";
  constexpr std::size_t most = 20;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    std::cout << "  " << names[i] << '\n';
  }
  if (names.size() > most) {
    std::cout << "  ... (all with --json)\n";
  }
}

void print(runtime::ModelSpec const& spec,
           runtime::Inspection const& inspection,
           Manifest const& manifest) {
  std::cout << "family       " << spec.family << " (" << spec.architecture << ")\n"
            << "shape        " << spec.layers.size() << " layers, hidden " << spec.hidden
            << ", vocabulary " << spec.vocab << ", up to " << spec.max_position << " tokens\n";
  if (manifest) {
    print(*manifest);
  } else {
    std::cout << "parameters   " << inspection.parameters << " (" << inspection.active_parameters
              << " active)\n";
  }
  for (auto const& [dtype, bytes] : inspection.bytes_by_dtype) {
    std::cout << "weights      " << dtype << ": " << bytes << " bytes ("
              << runtime::format_bytes(bytes) << ")\n";
  }
  if (!inspection.quantization.empty()) {
    std::cout << "quantised    " << inspection.quantization << '\n';
  }
  std::cout << "KV cache     " << inspection.kv_token_bytes << " bytes a token\n";
  for (runtime::KvLayerKind const& layer : inspection.kv_layers) {
    std::cout << "             " << layer.layers << " layers " << layer.kind << ": "
              << layer.token_bytes << " bytes a token\n";
  }
  print_list("missing:", inspection.names.missing);
  print_list("unknown:", inspection.names.unknown);
}

}  // namespace

Command add_inspect(CLI::App& program) {
  CLI::App* const app =
      program.add_subcommand("inspect", "Tell what a checkpoint holds, from its headers");
  auto const arguments = std::make_shared<Arguments>();
  app->add_option("model,--model", arguments->model, "Directory of the checkpoint")->required();
  app->add_flag("--json", arguments->json, "One JSON object instead of lines");
  return [arguments] {
    if (launcher_rank() != 0) {
      return exit_done;
    }
    runtime::ModelSpec const spec = runtime::read_model_spec(arguments->model);
    Manifest const manifest = find_manifest(arguments->model);
    runtime::Inspection const inspection =
        manifest ? runtime::inspect(*manifest, spec)
                 : runtime::inspect(io::Checkpoint::open(arguments->model), spec);
    if (arguments->json) {
      std::cout << to_json(spec, inspection, manifest).dump(2) << '\n';
    } else {
      print(spec, inspection, manifest);
    }
    std::cout << std::flush;
    return inspection.names.missing.empty() ? exit_done : exit_refused;
  };
}

}  // namespace talus::jobs
