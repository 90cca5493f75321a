// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/step_clock.hpp"

namespace talus::runtime {

/// What all layers of a rank have in common.
struct LayerContext {
  kernels::ExecContext exec;
  ShardPlace place;
  StepClock* clock = nullptr;
  float norm_epsilon = 1e-6F;
  float latent_norm_epsilon = 1e-6F;  ///< of the norms inside latent attention
};

/// A step, as the attention of one layer needs it.
struct LayerBatch {
  std::span<std::int32_t const> positions;  ///< [tokens] in their sequences
  kernels::PagedBatch paged;
};

/// The tokens of a step, as the decoder needs them.
struct StepBatch {
  std::span<std::int32_t const> tokens;         ///< [tokens] ids
  std::span<std::int32_t const> positions;      ///< [tokens] in their sequences
  std::span<kernels::PagedBatch const> groups;  ///< [groups of the KV layout]
  /// Tokens that any of the ranks that share out the experts routes, at most; 0: not known.
  std::int64_t most_routed = 0;

  [[nodiscard]] std::int64_t num_tokens() const noexcept {
    return static_cast<std::int64_t>(tokens.size());
  }
};

}  // namespace talus::runtime
