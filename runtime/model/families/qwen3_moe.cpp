// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Qwen3, mixture of experts: Qwen3's attention; softmax routing, no shared expert; some layers may
// be dense. Reference: Qwen Team, "Qwen3 Technical Report", 2025, section 2.

namespace talus::runtime {
namespace {

MoeSpec read_experts(ConfigFields const& config) {
  MoeSpec moe;
  moe.num_experts =
      config.has("num_experts") ? config.size("num_experts") : config.size("num_local_experts");
  moe.intermediate = config.size("moe_intermediate_size");
  moe.routing.score = kernels::RouterScore::softmax;
  moe.routing.top_k = config.size("num_experts_per_tok");
  moe.routing.normalize = config.flag_or("norm_topk_prob", false);
  check_routing(config, moe);
  return moe;
}

}  // namespace

void read_qwen3_moe(ConfigFields const& config, ModelSpec& spec) {
  expect_silu(config);
  LayerSpec dense;
  dense.attention = read_grouped_query(config, spec);
  dense.attention.qk_norm = QkNorm::head;
  dense.feed_forward.intermediate = config.size_or("intermediate_size", 0);
  LayerSpec sparse = dense;
  sparse.feed_forward = {.intermediate = 0, .moe = read_experts(config)};

  std::int64_t const step = config.size_or("decoder_sparse_step", 1);
  std::vector<std::int64_t> const only_dense = config.integers("mlp_only_layers");
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    auto const number = static_cast<std::int64_t>(i);
    bool const listed = std::find(only_dense.begin(), only_dense.end(), number) != only_dense.end();
    bool const is_sparse = !listed && (number + 1) % step == 0;
    if (!is_sparse && dense.feed_forward.intermediate == 0) {
      config.refuse("intermediate_size", concat("layer ", number, " is dense and needs it"));
    }
    spec.layers[i] = is_sparse ? sparse : dense;
  }
  config.expect_only("use_sliding_window", false, "windows are not known in this family");
  if (!config.flag_or("use_sliding_window", false)) {
    static_cast<void>(config.has("sliding_window") || config.has("max_window_layers"));
  }
}

}  // namespace talus::runtime
