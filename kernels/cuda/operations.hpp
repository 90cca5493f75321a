// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/device.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::cuda {

/// Puts the operations that have kernels into `table`.
void set_operations(Operations& table);

// Parts of it, each of a source of its own, so that nvcc compiles them at a time.

void set_attention_operations(Operations& table);
void set_code_operations(CodeOperations& codes);
void set_logit_operations(Operations& table);
void set_matmul_operations(Operations& table);
void set_row_operations(Operations& table);

/// Of a device that has products(): see kernels::Device::biased_matmul.
[[nodiscard]] BiasedMatmul biased_matmul_of_library();

}  // namespace talus::kernels::cuda
