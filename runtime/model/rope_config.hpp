// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/config_fields.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// What holds where a config says nothing of its rotary embedding.
struct RopeDefaults {
  std::int64_t head_dim = 0;
  double theta = 10000.0;
  double partial = 1.0;           ///< share of a head that is rotated
  bool may_be_partial = false;    ///< whether the config may give another share
  std::int64_t max_position = 0;  ///< of the model; 0: the config must say it
  std::string layer_type{};       ///< key in `rope_parameters` of layers of this kind; empty: none
};

/// Reads a config's rotary embedding in either spelling: `rope_theta` with `rope_scaling`, or
/// `rope_parameters`.
///
/// \throws ConfigError  naming the field; for a scaling that isn't known too
[[nodiscard]] RopeSpec read_rope(ConfigFields const& config, RopeDefaults const& defaults);

/// The cosines and sines of positions [0, positions), as kernels::RopeTable takes them.
struct RopeValues {
  std::vector<float> cosines;  ///< [positions, rotary_dim / 2]
  std::vector<float> sines;    ///< [positions, rotary_dim / 2]
};

/// Computes the rotation of each position, scaling included.
///
/// dynamic: a position within the original length is rotated as without scaling, a later one by the
/// base that belongs to a sequence that ends there; so chunks don't matter. longrope: the long
/// factors if there are more positions than the original length, else the short ones, for all
/// positions alike.
///
/// References: linear: S. Chen et al., "Extending Context Window of Large Language Models via
/// Positional Interpolation", 2023; dynamic: bloc97 and emozilla, "Dynamically Scaled RoPE", 2023;
/// llama3: the Llama 3.1 release's frequency rule (wavelengths between two bounds are
/// interpolated); yarn: B. Peng et al., "YaRN: Efficient Context Window Extension of Large Language
/// Models", 2023, sections 3.2 to 3.4; longrope: Y. Ding et al., "LongRoPE", 2024.
[[nodiscard]] RopeValues rope_values(RopeSpec const& spec, std::int64_t positions);

/// The factor that yarn puts on the attention's scores through `mscale_all_dim`; 1 otherwise.
[[nodiscard]] double yarn_score_factor(RopeSpec const& spec);

}  // namespace talus::runtime
