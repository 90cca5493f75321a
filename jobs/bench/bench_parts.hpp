// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/bench/bench_support.hpp"

namespace talus::bench {

/// Each part of talus_kernels_bench times one group of operations, after comparing their results
/// with the reference's, and prints a line each.

/// Matmuls of the 1.1-billion Llama shape: decode, prefill, leaves; packing.
void bench_matmul(Settings const& settings);

/// Matmuls of quantised weights: decode and prefill of the same shape.
void bench_quantized(Settings const& settings);

/// Paged attention: decode at some lengths of context, prefill.
void bench_attention(Settings const& settings);

/// Drawing tokens from logits.
void bench_sampling(Settings const& settings);

}  // namespace talus::bench
