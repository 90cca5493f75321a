// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/quantized_functions.hpp"

namespace talus::kernels::TALUS_TARGET {

Operations operations() noexcept {
  Operations operations = table_of_operations();
  operations.codes = code_operations();
  return operations;
}

}  // namespace talus::kernels::TALUS_TARGET
