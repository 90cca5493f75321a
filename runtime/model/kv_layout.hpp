// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/shard.hpp"

namespace talus::runtime {

/// Where a layer keeps its keys and values.
struct KvPlace {
  std::int32_t group = 0;  ///< whose block tables it reads
  std::int32_t slot = 0;   ///< cache of its stage that it uses
};

/// How the layers of a model share KV blocks.
///
/// Layers of one kind (all keys, or a window of one length) make up one or more groups of about the
/// same number of layers. A sequence has one block table for each group, so that a group with a
/// window gives blocks back that the other groups keep. A stage has as many caches ("slots") as a
/// group has layers there at most: each layer of a group uses another one, and layers of different
/// groups share one, in different blocks. So any block serves any group, and all stages have the
/// same groups.
///
/// A model with one kind of layer has one group, and a slot for each layer. So has one whose layers
/// cache different shapes: their windows are then not made use of.
struct KvLayout {
  std::vector<std::int64_t> windows;  ///< [groups] keys that a query sees; 0: all
  std::vector<KvPlace> layers;        ///< [layers] of the whole model

  [[nodiscard]] std::int32_t num_groups() const noexcept {
    return static_cast<std::int32_t>(windows.size());
  }
};

/// The layout of a model that is cut into stages. Windows of `max_positions` or more are none.
///
/// Of the possible sizes of a group it takes the one whose slots waste the least memory, layers
/// without a window counted four times, since theirs are the blocks that long sequences fill.
[[nodiscard]] KvLayout make_kv_layout(ModelSpec const& spec,
                                      std::int32_t num_stages,
                                      std::int64_t max_positions);

/// The shapes of the caches of a rank's stage, one a slot.
[[nodiscard]] std::vector<kernels::KvShape> slot_shapes(KvLayout const& layout,
                                                        ModelSpec const& spec,
                                                        ShardPlace const& place,
                                                        DType dtype);

}  // namespace talus::runtime
