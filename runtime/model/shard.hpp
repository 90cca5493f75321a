// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kv_cache.hpp"
#include "kernels/matmul.hpp"
#include "runtime/base/sum_tree.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// Elements [first, last) of an axis.
struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;

  [[nodiscard]] std::int64_t size() const noexcept { return last - first; }
};

/// Part `part` of `num_parts` of an axis; sizes differ by one at most.
[[nodiscard]] Range part_of(std::int64_t extent, std::int64_t part, std::int64_t num_parts);

/// A rank's place in its replica and its expert group, which decides what of the model it holds.
struct ShardPlace {
  std::int32_t pp_rank = 0;
  std::int32_t pp_size = 1;
  std::int32_t tp_rank = 0;
  std::int32_t tp_size = 1;
  std::int32_t ep_rank = 0;
  std::int32_t ep_size = 1;

  [[nodiscard]] bool is_first_stage() const noexcept { return pp_rank == 0; }

  [[nodiscard]] bool is_last_stage() const noexcept { return pp_rank == pp_size - 1; }
};

/// A rank's leaves of a sum that tensor parallelism cuts, and the columns that they cover.
struct LeafCut {
  SumTree tree{1};
  LeafRange run;                         ///< leaves of this rank
  Range columns;                         ///< of the whole axis
  std::vector<std::int32_t> boundaries;  ///< [leaves of run + 1] within `columns`, from 0

  [[nodiscard]] kernels::LeafPartition partition() const noexcept {
    return {.tree = &tree, .run = run, .boundaries = boundaries};
  }
};

/// The layers of a rank's stage.
[[nodiscard]] Range layers_of(ModelSpec const& spec, ShardPlace const& place);

/// The attention heads of a rank, as the cut of the output projection's input.
[[nodiscard]] LeafCut head_cut(AttentionSpec const& attention, ShardPlace const& place);

/// The query heads of a rank.
[[nodiscard]] Range heads_of(AttentionSpec const& attention, ShardPlace const& place);

/// The key/value heads that those query heads use; ranks share some where there are fewer than
/// ranks.
[[nodiscard]] Range kv_heads_of(AttentionSpec const& attention, ShardPlace const& place);

/// A rank's part of a feed-forward's `intermediate` axis.
[[nodiscard]] LeafCut feed_forward_cut(std::int64_t intermediate, ShardPlace const& place);

/// The experts that a rank holds.
[[nodiscard]] Range experts_of(MoeSpec const& moe, ShardPlace const& place);

/// What a layer caches for a token on this rank.
[[nodiscard]] kernels::KvShape kv_shape(AttentionSpec const& attention,
                                        ShardPlace const& place,
                                        DType dtype);

/// Bytes of KV cache that a token takes on this rank, over the layers of its stage.
[[nodiscard]] std::int64_t kv_token_bytes(ModelSpec const& spec,
                                          ShardPlace const& place,
                                          DType dtype);

/// \throws ConfigError  naming the sizes, if the model can't be cut so: heads that tp doesn't
/// divide, tp
///                      beyond the canonical shards, more stages than layers, more expert ranks
///                      than experts; says which sizes would do
void check_shards(ModelSpec const& spec, ShardPlace const& sizes);

}  // namespace talus::runtime
