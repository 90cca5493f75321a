// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/lanes/functions.hpp"

/// \file
/// A target of this folder does some operations with instructions that not every processor of its
/// base target, TALUS_BASE_TARGET, has, and leaves all others to that one.

namespace talus::kernels::TALUS_BASE_TARGET {

[[nodiscard]] Operations operations() noexcept;

}  // namespace talus::kernels::TALUS_BASE_TARGET
