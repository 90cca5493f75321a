// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace talus::kernels {

/// Whose kernels multiply matrices of bfloat16 and fp8 on a device: the option --gpu-matmul.
enum class MatmulLibrary : std::uint8_t {
  own,       ///< ours: one order of summation, whatever else is computed with a row
  cublaslt,  ///< NVIDIA's cuBLASLt: an order of its own for each number of rows
};

/// "own", "cublaslt".
[[nodiscard]] char const* name_of(MatmulLibrary library) noexcept;

/// \throws ConfigError  naming what is allowed
[[nodiscard]] MatmulLibrary matmul_library_from(std::string_view name);

}  // namespace talus::kernels
