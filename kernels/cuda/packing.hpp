// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels::cuda {

/// How weights are packed for GPUs, the same for all of them: of a table of operations what is done
/// by the host, and nothing else.
[[nodiscard]] Operations packing_operations() noexcept;

}  // namespace talus::kernels::cuda
