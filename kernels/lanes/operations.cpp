// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/functions.hpp"

namespace talus::kernels::TALUS_TARGET {

Operations operations() noexcept {
  return table_of_operations();
}

}  // namespace talus::kernels::TALUS_TARGET
