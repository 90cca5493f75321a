// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/operations.hpp"

namespace talus::kernels::cuda {

void set_operations(Operations& table) {
  set_attention_operations(table);
  set_code_operations(table.codes);
  set_logit_operations(table);
  set_matmul_operations(table);
  set_row_operations(table);
}

}  // namespace talus::kernels::cuda
