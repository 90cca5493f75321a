// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/packing.hpp"

#include "kernels/block/code_pack.hpp"
#include "kernels/reference/functions.hpp"

namespace talus::kernels::cuda {

Operations packing_operations() noexcept {
  Operations table;
  table.weight_bytes = reference::weight_bytes;
  table.pack_rows = reference::pack_rows;
  table.codes.bytes = block::bytes_of_codes;
  table.codes.pack = block::pack_codes;
  table.codes.panel_outputs = block::CodeLayout::panel_outputs;
  return table;
}

}  // namespace talus::kernels::cuda
