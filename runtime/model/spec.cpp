// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/spec.hpp"

#include <algorithm>

namespace talus::runtime {

bool ModelSpec::has_experts() const {
  return std::any_of(layers.begin(), layers.end(), [](LayerSpec const& layer) {
    return layer.feed_forward.moe.has_value();
  });
}

std::int32_t attention_leaves(AttentionSpec const& attention) {
  return static_cast<std::int32_t>(attention.heads);
}

std::int32_t feed_forward_leaves(std::int64_t intermediate) {
  bool const has_whole_chunks = intermediate % kernels::quant_chunk == 0;
  std::int64_t const parts = has_whole_chunks ? intermediate / kernels::quant_chunk : intermediate;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(parts, 1, max_tensor_parallel));
}

}  // namespace talus::runtime
