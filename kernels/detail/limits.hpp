// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// \file
/// What the backends have room for on a thread's stack, far above any model that is known.

namespace talus::kernels {

/// Leaves of a sum that one rank owns.
inline constexpr std::int64_t max_leaves = 256;

/// Inputs of a quantised linear map: a row of them, quantised too, has to fit.
inline constexpr std::int64_t max_code_inputs = std::int64_t{1} << 18;

/// Elements of a key: DeepSeek's latent has 576.
inline constexpr std::int64_t max_key_dim = 2048;

/// Columns of a head, or of a latent, that prepare_heads and prepare_latent have an operation for:
/// as many as a warp normalises.
inline constexpr std::int64_t most_prepared_columns = 1024;

/// Experts of a layer: the most that is known is 512.
inline constexpr std::int64_t max_experts = 4096;

}  // namespace talus::kernels
