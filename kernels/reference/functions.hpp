// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels::reference {

#include "kernels/detail/backend_functions.inc"

}  // namespace talus::kernels::reference
