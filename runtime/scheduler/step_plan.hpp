// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/kv_cache/block_pool.hpp"

namespace talus::runtime {

/// Number of a sequence among those that a replica holds; reused once the sequence has finished.
enum class SequenceId : std::int32_t {};

[[nodiscard]] constexpr std::size_t index_of(SequenceId id) noexcept {
  return static_cast<std::size_t>(id);
}

/// What one sequence does in a step: the tokens [first_position, first_position + num_tokens).
struct PlanEntry {
  SequenceId sequence{};
  std::int32_t first_position = 0;
  std::int32_t num_tokens = 0;
  bool samples = false;  ///< its last token is the last one known, so the next one is drawn
};

/// A sequence that lost its blocks, to be computed again later.
struct Preemption {
  SequenceId sequence{};
  std::int32_t tokens_lost = 0;
  std::int32_t blocks_freed = 0;
  std::int32_t free_blocks = 0;   ///< afterwards
  std::int32_t num_restarts = 0;  ///< times that this sequence was preempted, this time included
};

/// A block that a sequence is going to write to, and that holds tokens of another one.
struct BlockCopy {
  BlockId from{};
  BlockId to{};
};

/// One step: which sequences, how many tokens of each.
struct StepPlan {
  std::int64_t step = 0;
  std::vector<PlanEntry> entries;    ///< decoding sequences first, each kind in order of admission
  std::vector<SequenceId> admitted;  ///< sequences that got their first blocks in this step
  std::vector<Preemption> preemptions;  ///< before this step ran
  std::vector<BlockCopy> block_copies;  ///< to be made before this step runs
  std::int32_t num_prefill_tokens = 0;  ///< of sequences that had more than one token to compute
  std::int32_t num_decode_tokens = 0;
  std::int32_t num_recomputed_tokens = 0;  ///< of the prefill tokens, those lost by preemption
  std::int32_t num_samples = 0;            ///< entries that sample
  std::int32_t new_blocks = 0;             ///< blocks allocated for this step

  [[nodiscard]] std::int32_t num_tokens() const noexcept {
    return num_prefill_tokens + num_decode_tokens;
  }
};

}  // namespace talus::runtime
