// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_functions.hpp"
#include "kernels/x86/base_target.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The same bits as the base target's: sums of integers are exact.
Operations operations() noexcept {
  Operations table = TALUS_BASE_TARGET::operations();
  table.codes = code_operations();
  return table;
}

}  // namespace talus::kernels::TALUS_TARGET
