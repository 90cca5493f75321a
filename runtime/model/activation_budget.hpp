// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/model/shard.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// An attention with everything set to nothing that the sizes of its working memory don't depend
/// on: layers for which this is equal share that memory.
[[nodiscard]] AttentionSpec memory_kind(AttentionSpec const& attention);

/// The largest step and sequence that memory is planned for.
struct ActivationLimits {
  std::int64_t max_tokens = 0;     ///< of a step
  std::int64_t max_positions = 0;  ///< of a sequence
  bool is_on_device = false;
};

/// The greatest number of columns of any dense feed-forward's, or shared experts', intermediate
/// axis on a rank; 0 where there is none.
[[nodiscard]] std::int64_t dense_columns(ModelSpec const& spec, ShardPlace const& place);

/// Bytes of activations and rotations that a decoder with these limits takes, beside weights and KV
/// cache; an estimate that counts the fixed buffers.
[[nodiscard]] std::int64_t activation_bytes(ModelSpec const& spec,
                                            ShardPlace const& place,
                                            ActivationLimits const& limits);

}  // namespace talus::runtime
