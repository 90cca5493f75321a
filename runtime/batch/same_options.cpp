// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/same_options.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// What must be the same, by name.
using NamedText = std::pair<std::string, std::string>;

template <class T>
std::string text_of(std::optional<T> const& value) {
  return value ? concat(*value) : "";
}

std::vector<NamedText> options_as_text(ModelOptions const& options) {
  return {{"--tensor-parallel-size", text_of(options.tensor_parallel_size)},
          {"--pipeline-parallel-size", text_of(options.pipeline_parallel_size)},
          {"--data-parallel-size", text_of(options.data_parallel_size)},
          {"--expert-parallel-size", text_of(options.expert_parallel_size)},
          {"--max-model-len", text_of(options.max_model_len)},
          {"--max-num-seqs", concat(options.max_num_seqs)},
          {"--max-num-batched-tokens", concat(options.max_num_batched_tokens)},
          {"--block-size", concat(options.block_size)},
          {"--dtype", options.dtype},
          {"--quantization", options.quantization},
          {"--kv-cache-dtype", options.kv_cache_dtype},
          {"--seed", concat(options.seed)},
          {"--kv-cache-memory", text_of(options.kv_cache_memory)},
          {"--num-gpu-blocks-override", text_of(options.num_gpu_blocks_override)},
          {"--kv-admission", options.kv_admission},
          {"--backend", options.backend},
          {"--comm", options.comm},
          {"--gpu-matmul", options.gpu_matmul},
          {"--allow-shared-devices", concat(options.allow_shared_devices)},
          {"--enforce-eager", concat(options.enforce_eager)},
          {"--async-scheduling", concat(options.async_scheduling)},
          {"--load-format", options.load_format},
          {"--share-weights", concat(options.share_weights)},
          {"--load-host-memory", concat(options.load_host_memory)}};
}

std::vector<std::uint64_t> hashes_of(std::vector<NamedText> const& texts) {
  std::vector<std::uint64_t> hashes;
  for (auto const& [name, text] : texts) {
    hashes.push_back(XXH3_64bits(text.data(), text.size()));
  }
  return hashes;
}

}  // namespace

void check_same_options(parallel::Communicator const& comm, ModelOptions const& options) {
  std::vector<NamedText> const texts = options_as_text(options);
  std::vector<std::uint64_t> least = hashes_of(texts);
  std::vector<std::uint64_t> most = least;
  parallel::all_reduce(comm, std::span{least}, parallel::ReduceOp::min);
  parallel::all_reduce(comm, std::span{most}, parallel::ReduceOp::max);
  auto const differing = std::mismatch(least.begin(), least.end(), most.begin()).first;
  if (differing != least.end()) {
    auto const& name = texts[static_cast<std::size_t>(differing - least.begin())].first;
    throw ConfigError{concat(name, " differs from rank to rank (all must be given the same)")};
  }
}

}  // namespace talus::runtime
