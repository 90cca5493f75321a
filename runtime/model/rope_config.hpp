// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/model/config_fields.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// Reads a config's rotary embedding in either spelling: `rope_theta` with `rope_scaling`, or
/// `rope_parameters`.
///
/// \param rotary_dim  rotated components of a head
/// \throws ConfigError  naming the field; for a scaling that isn't known too
[[nodiscard]] RopeSpec read_rope(ConfigFields const& config, std::int64_t rotary_dim);

/// The cosines and sines of positions [0, positions), as kernels::RopeTable takes them.
struct RopeValues {
  std::vector<float> cosines;  ///< [positions, rotary_dim / 2]
  std::vector<float> sines;    ///< [positions, rotary_dim / 2]
};

/// Computes the rotation of each position, scaling included.
///
/// Reference: llama3: the Llama 3.1 release's frequency rule (wavelengths between two bounds are
/// interpolated); yarn: B. Peng et al., "YaRN: Efficient Context Window Extension of Large Language
/// Models", 2023, sections 3.2 to 3.4.
[[nodiscard]] RopeValues rope_values(RopeSpec const& spec, std::int64_t positions);

/// The factor that yarn puts on the attention's scores through `mscale_all_dim`; 1 otherwise.
[[nodiscard]] double yarn_score_factor(RopeSpec const& spec);

}  // namespace talus::runtime
