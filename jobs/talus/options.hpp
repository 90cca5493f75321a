// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/batch/run_options.hpp"

namespace talus::jobs {

/// The one list of a model's options: what the command line, --config, --help and the run's record
/// are made of. Calls visit(flags, member, help) for each.
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
  visit("--threads", o.threads, "Threads of a rank; 0: its share of the cores");
  visit("--load-format",
        o.load_format,
        "Weights: auto, safetensors, sharded (of talus shard), dummy (random, no files)");
  visit("--share-weights,!--no-share-weights",
        o.share_weights,
        "Replicas on a node keep one copy of the weights, in shared memory");
  visit("--load-host-memory", o.load_host_memory, "Bytes of host memory a rank uses to load");
}

/// The one list of a batch run's own options.
template <class Options, class Visitor>
void visit_batch_options(Options& o, Visitor&& visit) {
  visit("--input-file,-i", o.input, "Requests, OpenAI batch JSONL; - is standard input");
  visit("--output-file,-o", o.output, "Answers, one line a request, as it finishes");
  visit("--overwrite", o.overwrite, "Replace an output that exists");
  visit("--resume",
        o.resume,
        "Go on from the ledger beside the output: require (also without a value), auto (start "
        "afresh where there is none), never (without --resume)");
  visit("--save-partial-every",
        o.save_partial_every,
        "Seconds between saves of unfinished answers' tokens to the ledger; 0: each step, -1: "
        "never");
  visit("--sync", o.sync, "Force answers and ledger to the disk: none, each (answer), close");
  visit("--served-model-name", o.served_model_name, "The model's name in the answers");
  visit(
      "--chat-template", o.chat_template, "File of a chat template to use instead of the model's");
  visit("--reasoning-parser",
        o.reasoning_parser,
        "Move the reasoning to reasoning_content: deepseek_r1, qwen3, openai_gptoss, ...");
  visit("--trace", o.trace, "Folder for the HDF5 trace of every rank");
  visit(
      "--time-limit",
      o.time_limit,
      "Until the job is killed: auto (as Slurm, PBS or Flux says), none, or HH:MM:SS from now on; "
      "stops before, with exit code 75");
  visit("--time-margin", o.time_margin, "Seconds before the time limit by which all is closed");
  visit("--status", o.status, "JSON file that says how far the run is, replaced as it goes on");
  visit("--dry-run", o.dry_run, "Show grid, placement and memory, and stop before the weights");
}

}  // namespace talus::jobs
