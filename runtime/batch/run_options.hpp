// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/exec_context.hpp"
#include "parallel/call_log.hpp"

namespace talus::runtime {

/// What a user can set for a model on a grid: the options of `talus run`, `verify` and `bench`.
///
/// Strings that name a choice are checked where they are used; empty or none means "choose".
struct ModelOptions {
  std::string model;  ///< directory of the checkpoint
  std::optional<int> tensor_parallel_size;
  std::optional<int> pipeline_parallel_size;
  std::optional<int> data_parallel_size;
  std::optional<int> expert_parallel_size;
  std::optional<std::int64_t> max_model_len;  ///< tokens; none: the model's own
  std::int64_t max_num_seqs = 256;            ///< sequences of a replica at a time
  std::int64_t max_num_batched_tokens = 512;  ///< tokens of a step
  std::int64_t block_size = 16;               ///< tokens of a KV block
  std::string dtype = "auto";                 ///< auto, float32, bfloat16
  std::string quantization = "auto";          ///< auto, none, or a format: see precision_from
  std::string kv_cache_dtype = "auto";        ///< auto (as dtype), float32, bfloat16, int8, fp8
  std::uint64_t seed = 0;
  std::optional<std::int64_t> kv_cache_memory;          ///< bytes a rank
  std::optional<std::int64_t> num_gpu_blocks_override;  ///< KV blocks, instead of what fits
  std::string kv_admission = "expected";                ///< expected, reserve, eager
  std::string backend = "auto";                         ///< auto, or a kernels::Backend
  std::string comm = "auto";                            ///< see comm_option_from
  std::string gpu_matmul = "own";                       ///< see matmul_library_from
  bool allow_shared_devices = false;                    ///< several ranks on one card
  bool enforce_eager = false;                           ///< record no steps on devices
  bool async_scheduling = true;                         ///< plan steps ahead on devices
  int threads = 0;                                      ///< of a rank; 0: as many as its cores
  kernels::ThreadTeam* team = nullptr;                  ///< those threads, once started
  std::string hang_timeout = "30";                      ///< seconds, or none: see hang_limit
  parallel::CallLog* calls = nullptr;                   ///< where a rank says what it does
  std::string load_format = "auto";                     ///< see load_format_from
  bool share_weights = true;  ///< replicas on a node have one copy, in shared memory
  std::int64_t load_host_memory = std::int64_t{4} << 30;  ///< bytes a rank, while loading
};

/// What a user can set for a run over a file of requests.
struct BatchOptions {
  std::string input;   ///< file of requests, or "-"
  std::string output;  ///< file of answers
  bool overwrite = false;
  std::string resume = "never";     ///< never, auto, require: see choose_start
  double save_partial_every = 30;   ///< seconds between saves of unfinished answers; < 0: never
  std::string sync = "none";        ///< none, each, close: see io::SyncPolicy
  std::string served_model_name;    ///< as the answers name the model; empty: the directory's name
  std::string chat_template;        ///< file; empty: the model's own
  std::string reasoning_parser;     ///< empty: none
  std::string trace;                ///< folder; empty: no trace
  std::string time_limit = "auto";  ///< until the job is killed; read by the command
  double time_margin = 30;          ///< seconds before that; likewise: see TimeLimit
  std::string status;               ///< file; empty: none
  bool dry_run = false;             ///< stop before the weights
  bool require_all_nodes = false;   ///< refuse an allocation with nodes that have no rank
};

}  // namespace talus::runtime
