// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/lanes/functions.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Bytes of a quantised matrix [out, in].
[[nodiscard]] std::int64_t bytes_of_codes(std::int64_t out,
                                          std::int64_t in,
                                          QuantStorage const& storage);

/// Packs codes and scales as code_layout.hpp says.
void pack_codes(CodeStore const& store, MatrixOrigin origin, QuantRows const& rows);

/// Linear maps of quantised weights.
///
/// Weights of fp8: see float_codes.hpp. Of the others, each row of x is quantised in chunks of
/// `quant_chunk` inputs to integers of eight bits, with a scale of its own a chunk (see
/// quantize_row). Products of a chunk are summed as integers, which is exact; then y += float(sum)
/// * (scale of the weights * scale of x), fused, chunk after chunk. Leaves are summed so and folded
/// as in other matmuls. So bits don't depend on rows, threads or cuts.
[[nodiscard]] CodeOperations code_operations() noexcept;

}  // namespace talus::kernels::TALUS_TARGET
