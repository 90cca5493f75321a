// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

/// \file
/// The sources of this folder are compiled once for each target: TALUS_TARGET names it, and the
/// namespace (kokkos, avx2, avx512). What the targets share is written once, in vectors of sixteen
/// floats (lanes.hpp), and rounds in the same places in all that fuse multiplication and addition.

#ifndef TALUS_TARGET
#error "TALUS_TARGET must name the target that this source is compiled for"
#endif

namespace talus::kernels::TALUS_TARGET {

#include "kernels/detail/backend_functions.inc"

/// The table of this target's operations.
[[nodiscard]] Operations operations() noexcept;

}  // namespace talus::kernels::TALUS_TARGET
