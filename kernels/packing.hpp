// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels {

/// What of operations_of(backend) packs weights: `weight_bytes`, `pack_rows`, and of `codes` what
/// is no product. Of GPUs also where there are none, since the host packs for them.
///
/// \throws ConfigError  if the backend is another one that this machine can't run
[[nodiscard]] Operations const& packing_operations_of(Backend backend);

}  // namespace talus::kernels
