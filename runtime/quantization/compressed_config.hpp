// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/quantization/quant_config.hpp"

namespace talus::runtime {

/// Reads a quantization_config of compressed-tensors: pack-quantized, int-quantized and
/// float-quantized, with one group of targets.
///
/// Activations that are quantised as they come (dynamic) are computed in the engine's own type.
/// \throws ConfigError  as read_quantization
[[nodiscard]] CheckpointQuantization read_compressed(ConfigFields const& fields);

}  // namespace talus::runtime
