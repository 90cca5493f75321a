// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/model/config_fields.hpp"
#include "runtime/model/spec.hpp"

/// \file
/// How each family's config becomes a spec. When they are called, `spec` has what all families
/// share (sizes, norm epsilon, number of layers).

namespace talus::runtime {

void read_apertus(ConfigFields const& config, ModelSpec& spec);
void read_deepseek_v2(ConfigFields const& config, ModelSpec& spec);
void read_deepseek_v3(ConfigFields const& config, ModelSpec& spec);
void read_gemma2(ConfigFields const& config, ModelSpec& spec);
void read_gemma3(ConfigFields const& config, ModelSpec& spec);
void read_glm4_moe(ConfigFields const& config, ModelSpec& spec);
void read_gpt_oss(ConfigFields const& config, ModelSpec& spec);
void read_granite(ConfigFields const& config, ModelSpec& spec);
void read_llama(ConfigFields const& config, ModelSpec& spec);
void read_minimax_m2(ConfigFields const& config, ModelSpec& spec);
void read_ministral3(ConfigFields const& config, ModelSpec& spec);
void read_mistral(ConfigFields const& config, ModelSpec& spec);
void read_mixtral(ConfigFields const& config, ModelSpec& spec);
void read_olmo2(ConfigFields const& config, ModelSpec& spec);
void read_phi3(ConfigFields const& config, ModelSpec& spec);
void read_qwen2(ConfigFields const& config, ModelSpec& spec);
void read_qwen3(ConfigFields const& config, ModelSpec& spec);
void read_qwen3_moe(ConfigFields const& config, ModelSpec& spec);
void read_seed_oss(ConfigFields const& config, ModelSpec& spec);
void read_smollm3(ConfigFields const& config, ModelSpec& spec);

}  // namespace talus::runtime
