// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels::cuda {

/// Puts the operations that have kernels into `table`.
void set_operations(Operations& table);

}  // namespace talus::kernels::cuda
