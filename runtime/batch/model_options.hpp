// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace talus::runtime {

/// Whether an option with these flags is an amount of bytes, which may have a unit.
[[nodiscard]] inline bool takes_bytes(std::string_view flags) {
  return flags.find("-memory") != std::string_view::npos;
}

/// The one list of a model's options: what the command line, --config, --help, the run's record and
/// the options of an engine inside a program are made of. Calls visit(flags, member, help) for
/// each.
template <class Options, class Visitor>
void visit_model_options(Options& o, Visitor&& visit) {
  visit(
      "--model,--model-path", o.model, "Directory of the checkpoint, as Hugging Face lays it out");
  visit("--tensor-parallel-size,--tp", o.tensor_parallel_size, "Shards of a stage (-tp N)");
  visit("--pipeline-parallel-size,--pp", o.pipeline_parallel_size, "Stages of a replica (-pp N)");
  visit("--data-parallel-size,--dp", o.data_parallel_size, "Replicas of the model (-dp N)");
  visit("--expert-parallel-size,--ep",
        o.expert_parallel_size,
        "Ranks of a stage that share out the experts (-ep N); divides dp * tp");
  visit("--max-model-len", o.max_model_len, "Longest prompt and answer together, tokens");
  visit("--max-num-seqs", o.max_num_seqs, "Sequences that a replica works on at a time");
  visit("--max-num-batched-tokens", o.max_num_batched_tokens, "Tokens of a step");
  visit("--block-size", o.block_size, "Tokens of a KV block, a multiple of 16");
  visit("--dtype", o.dtype, "Weights: auto, float32, bfloat16");
  visit("--quantization",
        o.quantization,
        "Weights: auto (as in the checkpoint), none, or a format such as int8 or int4-g128");
  visit("--kv-cache-dtype",
        o.kv_cache_dtype,
        "Keys and values: auto (as --dtype), float32, bfloat16, int8, fp8");
  visit("--seed", o.seed, "Seed of requests that have none of their own");
  visit("--kv-cache-memory", o.kv_cache_memory, "Bytes of KV cache a rank (or 512M, 4G)");
  visit("--num-gpu-blocks-override",
        o.num_gpu_blocks_override,
        "KV blocks, instead of as many as fit");
  visit("--kv-admission",
        o.kv_admission,
        "Blocks that a request must find free: expected, reserve, eager");
  visit("--backend", o.backend, "Kernels: auto, kokkos, reference");
  visit("--comm", o.comm, "Traffic between devices: auto, mpi, nccl");
  visit("--gpu-matmul",
        o.gpu_matmul,
        "Matmuls on GPUs: own (repeatable), cublaslt (of bfloat16 and fp8; not the same bits)");
  visit("--allow-shared-devices",
        o.allow_shared_devices,
        "Let several ranks have one GPU, which is refused otherwise");
  visit("--enforce-eager",
        o.enforce_eager,
        "Queue each kernel of a step by itself, where GPUs would replay recorded steps");
  visit("--async-scheduling,!--no-async-scheduling",
        o.async_scheduling,
        "Plan a step while a GPU computes the one before, whose tokens aren't known yet");
  visit("--threads", o.threads, "Threads of a rank; 0: its share of the cores");
  visit("--load-format",
        o.load_format,
        "Weights: auto, safetensors, sharded (of talus shard), dummy (random, no files)");
  visit("--share-weights,!--no-share-weights",
        o.share_weights,
        "Replicas on a node keep one copy of the weights, in shared memory");
  visit("--load-host-memory", o.load_host_memory, "Bytes of host memory a rank uses to load");
}

}  // namespace talus::runtime
