// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/exec_context.hpp"
#include "runtime/kv_cache/kv_geometry.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/quantization/weight_precision.hpp"

namespace talus::runtime {

/// What a rank's memory is planned for, in bytes unless said otherwise.
struct MemoryBudget {
  std::int64_t available = 0;  ///< this rank's share of its node's free memory
  std::int64_t weights = 0;    ///< its share, of weights that replicas on the node share
  std::int64_t activations = 0;
  std::int64_t kv_cache = 0;        ///< num_blocks * block_tokens * kv_token_bytes
  std::int64_t kv_token_bytes = 0;  ///< of a token in a block: in all caches of the stage
  std::int64_t block_tokens = 0;
  std::int64_t num_blocks = 0;
  std::int64_t chunk = 0;  ///< tokens of a sequence that a step computes at most
  KvGeometry geometry;     ///< which blocks a sequence needs
};

/// What the budget depends on.
struct BudgetRequest {
  WeightPrecision weights;
  DType kv_dtype = DType::f32;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;
  std::int64_t max_model_len = 0;  ///< tokens
  std::int64_t block_tokens = 0;
  std::int64_t available = 0;              ///< see available_memory()
  int weight_sharers = 1;                  ///< ranks on the node that have one copy together
  std::optional<std::int64_t> kv_cache;    ///< bytes for the KV cache, where the user says
  std::optional<std::int64_t> num_blocks;  ///< KV blocks, where the user says
};

/// Plans a rank's memory: weights and activations as they will be, then KV blocks in what is left,
/// but no more than all sequences at full length need, where layers with windows need only what
/// these see. Local; ranks agree on the least number of blocks.
[[nodiscard]] MemoryBudget plan_memory(kernels::ExecContext const& exec,
                                       ModelSpec const& spec,
                                       ShardPlace const& place,
                                       BudgetRequest const& request);

/// \throws ConfigError  if the weights don't fit, or the blocks can't hold one sequence of
/// max_model_len
///                      tokens, with the numbers and what would fit
void check_budget(MemoryBudget const& budget, std::int64_t max_model_len);

/// Sequences of `tokens` tokens that the KV cache holds at a time, parts of one included.
[[nodiscard]] double kv_concurrency(MemoryBudget const& budget, std::int64_t tokens);

/// Four fifths of the memory that is free on this node (its control group's limit counted in),
/// shared by `ranks_on_node` ranks; bytes.
[[nodiscard]] std::int64_t available_memory(int ranks_on_node);

/// Bytes for a person to read: "1.25 GiB".
[[nodiscard]] std::string format_bytes(std::int64_t bytes);

}  // namespace talus::runtime
