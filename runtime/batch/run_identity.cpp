// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_identity.hpp"

#include "io/checkpoint/checkpoint.hpp"
#include "io/files/content_hash.hpp"
#include "io/sharded/manifest.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/model_load.hpp"

namespace talus::runtime {
namespace {

namespace fs = std::filesystem;

constexpr int spots_of_a_file = 8;

std::string hash_if_there(fs::path const& file) {
  return fs::exists(file) ? io::hash_file(file) : std::string{};
}

/// A checkpoint's tensors as its headers tell them, and pieces of each file.
std::string hash_checkpoint(fs::path const& model) {
  io::Checkpoint const checkpoint = io::Checkpoint::open(model);
  std::string text;
  for (fs::path const& file : checkpoint.files()) {
    text += concat(file.filename().string(), ' ', io::hash_spots(file, spots_of_a_file), '\n');
  }
  for (io::TensorInfo const& tensor : checkpoint.tensors()) {
    text += concat(tensor.name,
                   ' ',
                   tensor.dtype_name,
                   ' ',
                   io::format_shape(tensor.shape),
                   ' ',
                   tensor.file,
                   ' ',
                   tensor.offset,
                   '\n');
  }
  return io::hash_text(text);
}

std::string hash_weights(ModelOptions const& options, ModelPlan const& plan) {
  parallel::FileScope const reading{options.calls, "read", options.model};
  if (load_format_from(options.load_format) == LoadFormat::dummy) {
    return "dummy";
  }
  fs::path const model = options.model;
  return plan.packed ? io::hash_file(model / io::manifest_name) : hash_checkpoint(model);
}

}  // namespace

io::Identity run_identity(ModelOptions const& options,
                          BatchOptions const& batch,
                          ModelPlan const& plan,
                          BatchRules const& rules,
                          fs::path const& input,
                          std::string const& version) {
  io::Identity identity{{"ledger", "1"},
                        {"talus", version},
                        {"weights", hash_weights(options, plan)},
                        {"input", io::hash_file(input)}};
  for (char const* const name : {"config.json",
                                 "generation_config.json",
                                 "tokenizer.json",
                                 "tokenizer_config.json",
                                 "special_tokens_map.json",
                                 "chat_template.jinja",
                                 "chat_template.json"}) {
    identity.emplace_back(name, hash_if_there(fs::path{options.model} / name));
  }
  io::Identity const resolved{
      {"--seed", concat(rules.seed)},
      {"--dtype", name_of(plan.dtype)},
      {"--quantization", describe(plan.weights, plan.spec.quantization)},
      {"--kv-cache-dtype", name_of(plan.kv_dtype)},
      {"--backend", name_of(plan.exec.backend)},
      {"--gpu-matmul", plan.device ? name_of(plan.matmul) : ""},
      {"--max-model-len", concat(rules.max_model_len)},
      {"--served-model-name", rules.labels.model},
      {"--chat-template",
       batch.chat_template.empty() ? std::string{} : io::hash_file(batch.chat_template)},
      {"--reasoning-parser", batch.reasoning_parser}};
  identity.insert(identity.end(), resolved.begin(), resolved.end());
  return identity;
}

}  // namespace talus::runtime
