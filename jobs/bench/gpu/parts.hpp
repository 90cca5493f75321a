// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/bench/gpu/gpu_support.hpp"
#include "jobs/bench/gpu/report.hpp"

namespace talus::bench::gpu {

/// What the card does at most.
[[nodiscard]] Limits measure_limits(Bench& bench);

/// Products of Llama-3.1-8B's matrices, of 1 to 8,192 rows, with weights that no cache holds.
void bench_matmul(Bench& bench, Report& report);

/// Attention of a decode step: Llama-3.1-8B's, 64 sequences of 2,048 positions, and DeepSeek-V3's
/// latent one, 128 sequences of 8,192.
void bench_attention(Bench& bench, Report& report);

}  // namespace talus::bench::gpu
