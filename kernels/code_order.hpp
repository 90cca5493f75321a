// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/packed_weights.hpp"

namespace talus::kernels {

/// How the codes of PackedWeights(exec, out, in, storage) lie.
///
/// \throws ApiError  if the device's library reports an error
[[nodiscard]] CodeOrder code_order(ExecContext const& exec,
                                   std::int64_t out,
                                   std::int64_t in,
                                   QuantStorage const& storage);

}  // namespace talus::kernels
