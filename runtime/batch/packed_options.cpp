// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/packed_options.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "io/json/json.hpp"
#include "io/sharded/packed_writer.hpp"
#include "kernels/packing_hash.hpp"
#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/model_load.hpp"

namespace talus::runtime {
namespace {

std::string manifest_of(ModelOptions const& options) {
  return (std::filesystem::path{options.model} / io::manifest_name).string();
}

/// Whether the weights are to be read as a manifest says.
bool wants_packed(ModelOptions const& options) {
  LoadFormat const format = load_format_from(options.load_format);
  if (format == LoadFormat::dummy) {
    return false;
  }
  bool const is_packed = io::has_packed_weights(options.model);
  if (is_packed && format == LoadFormat::safetensors) {
    throw ConfigError{concat("--load-format: safetensors (",
                             manifest_of(options),
                             " tells of packed weights, and there are no safetensors files; "
                             "allowed are auto and sharded)")};
  }
  if (!is_packed && format == LoadFormat::sharded) {
    throw ConfigError{concat("--load-format: sharded (",
                             options.model,
                             " is no folder of packed weights: it needs ",
                             io::manifest_name,
                             ", and no safetensors files; talus shard writes such folders)")};
  }
  return is_packed;
}

[[noreturn]] void refuse(ModelOptions const& options,
                         std::string_view flag,
                         std::string const& asked,
                         std::string const& held) {
  throw ConfigError{concat(flag,
                           ": ",
                           asked,
                           " (",
                           manifest_of(options),
                           " holds weights packed for ",
                           held,
                           ": leave the flag out, or write others with talus shard)")};
}

void settle(ModelOptions const& options,
            std::string_view flag,
            std::optional<int>& given,
            int held) {
  if (given && *given != held) {
    refuse(options, flag, concat(*given), concat(held));
  }
  given = held;
}

}  // namespace

std::shared_ptr<io::ShardManifest const> find_manifest(parallel::Communicator const& comm,
                                                       ModelOptions const& options) {
  std::string text;
  parallel::run_and_agree(comm, [&] {
    if (comm.rank() == 0 && wants_packed(options)) {
      text = io::read_text_file(manifest_of(options)) + ' ';  // an empty file is one that is there
    }
  });
  text = parallel::broadcast_text(comm, text);
  std::shared_ptr<io::ShardManifest const> manifest;
  parallel::run_and_agree(comm, [&] {
    if (!text.empty()) {
      manifest =
          std::make_shared<io::ShardManifest>(io::parse_manifest(text, manifest_of(options)));
    }
  });
  return manifest;
}

ModelOptions with_manifest(io::ShardManifest const* manifest, ModelOptions const& options) {
  ModelOptions settled = options;
  if (manifest == nullptr) {
    return settled;
  }
  settle(options,
         "--tensor-parallel-size",
         settled.tensor_parallel_size,
         manifest->tensor_parallel_size);
  settle(options,
         "--pipeline-parallel-size",
         settled.pipeline_parallel_size,
         manifest->pipeline_parallel_size);
  settle(options,
         "--expert-parallel-size",
         settled.expert_parallel_size,
         manifest->expert_parallel_size);
  if (options.backend != "auto" && options.backend != manifest->backend) {
    refuse(options, "--backend", options.backend, manifest->backend);
  }
  settled.backend = manifest->backend;
  return settled;
}

ModelOptions resolve_options(parallel::Communicator const& comm, ModelOptions const& options) {
  std::shared_ptr<io::ShardManifest const> const manifest = find_manifest(comm, options);
  ModelOptions settled;
  parallel::run_and_agree(comm, [&] { settled = with_manifest(manifest.get(), options); });
  return settled;
}

std::string quantization_name(WeightPrecision const& precision) {
  if (precision.quantize_to) {
    return name_of(*precision.quantize_to);
  }
  return precision.keeps_codes ? "checkpoint" : "none";
}

WeightPrecision packed_precision(io::ShardManifest const& manifest,
                                 ModelOptions const& options,
                                 WeightPrecision const& asked) {
  if (options.dtype != "auto" && name_of(asked.dtype) != manifest.dtype) {
    refuse(options, "--dtype", options.dtype, manifest.dtype);
  }
  // Of a checkpoint with codes --dtype float32 alone asks for what they stand for.
  bool const is_chosen = options.quantization == "auto" && options.dtype != name_of(DType::f32);
  if (!is_chosen && quantization_name(asked) != manifest.quantization) {
    refuse(options,
           options.quantization == "auto" ? "--dtype float32 without --quantization"
                                          : "--quantization",
           quantization_name(asked),
           manifest.quantization);
  }
  std::string const source = manifest_of(options);
  WeightPrecision held;
  if (manifest.dtype != name_of(DType::f32) && manifest.dtype != name_of(DType::bf16)) {
    throw ConfigError{concat(
        source, ": dtype: ", io::show_text(manifest.dtype), " (must be float32 or bfloat16)")};
  }
  held.dtype = manifest.dtype == name_of(DType::f32) ? DType::f32 : DType::bf16;
  held.keeps_codes = manifest.quantization == "checkpoint";
  if (!held.keeps_codes && manifest.quantization != "none") {
    held.quantize_to = kernels::parse_quant_format(manifest.quantization, source);
  }
  return held;
}

void check_packing(io::ShardManifest const& manifest,
                   ModelOptions const& options,
                   std::string const& config,
                   kernels::ExecContext const& exec) {
  if (io::checksum(config) != manifest.config_hash) {
    throw ConfigError{concat((std::filesystem::path{options.model} / "config.json").string(),
                             ": is not the one that the weights were packed with (",
                             manifest_of(options),
                             " has its checksum)")};
  }
  if (kernels::packing_hash(exec) != manifest.packing_hash) {
    throw ConfigError{concat(manifest_of(options),
                             ": weights that talus ",
                             manifest.talus,
                             " packed for its ",
                             manifest.backend,
                             " kernels lie in another order than those of this program read (write "
                             "them again with talus shard)")};
  }
}

}  // namespace talus::runtime
