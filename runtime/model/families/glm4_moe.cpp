// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// GLM-4.5 and 4.6, mixture of experts: half of each head is rotated, biases on queries, keys and
// values, norms on heads if `use_qk_norm`; leading dense layers, then DeepSeek-V3's kind of
// experts. Reference: GLM-4.5 Team, "GLM-4.5", 2025, section 2.1.

namespace talus::runtime {

void read_glm4_moe(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(
      config, spec, {.kv_heads = 8, .rope = {.partial = 0.5, .may_be_partial = true}});
  attention.out_bias = false;
  attention.qk_norm = config.flag_or("use_qk_norm", false) ? QkNorm::head : QkNorm::none;
  fill_dense_first(config, spec, attention, read_sigmoid_experts(config, {}));
}

}  // namespace talus::runtime
