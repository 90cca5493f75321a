// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/lanes/functions.hpp"

/// \file
/// A target with tile registers does with tiles what it can, matmuls of bfloat16 and of codes and
/// attention of bfloat16, and has all other operations of another target, TALUS_BASE_TARGET.

namespace talus::kernels::TALUS_BASE_TARGET {

[[nodiscard]] Operations operations() noexcept;

}  // namespace talus::kernels::TALUS_BASE_TARGET
