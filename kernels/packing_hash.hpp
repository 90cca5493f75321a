// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"

namespace talus::kernels {

/// What tells whether weights that another program packed can be used here.
///
/// Small matrices of every type and format are packed, and their bytes are hashed: so the hash is
/// another one wherever the order of elements is, by the width of registers or by a change of ours,
/// and no version number can be forgotten.
/// Cost: some 100 KB are packed.
[[nodiscard]] std::uint64_t packing_hash(ExecContext const& exec);

}  // namespace talus::kernels
