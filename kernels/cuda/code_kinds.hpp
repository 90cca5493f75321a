// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/packed_weights.hpp"

namespace talus::kernels::cuda {

/// What the library multiplies, and what it scales itself.
enum class ProductKind : std::uint8_t {
  bf16,          ///< bfloat16
  codes,         ///< fp8 (e4m3), as codes are
  code_vectors,  ///< fp8, by a scale for each row of x and each of w
  code_blocks,   ///< fp8, by one for each row of x and 128 inputs, and each 128 x 128 of w
};

/// What a product of the library needs to know of the card and of the library.
struct CodeAbility {
  int capability = 0;       ///< compute capability: 90 is 9.0
  std::size_t version = 0;  ///< of cuBLASLt: 120900 is 12.9
};

/// How weights of codes [out, in] could be multiplied, which their shape and storage decide;
/// nothing: not by cuBLASLt.
///
/// Reference: NVIDIA, "cuBLAS documentation", "Narrow precision data types usage" and
/// "cublasLtMatmul()".
[[nodiscard]] std::optional<ProductKind> kind_of_codes(CodeAbility const& ability,
                                                       std::int64_t out,
                                                       std::int64_t in,
                                                       QuantStorage const& storage) noexcept;

}  // namespace talus::kernels::cuda
