// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "io/checkpoint/loader.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/model/weight_blocks.hpp"

namespace talus::runtime {

/// Some rows of a block of a tensor, quantised together with the columns that share their scales.
struct QuantizedStrip {
  MatrixView<float const> values;  ///< whole groups of the rows
  kernels::QuantizedMatrix const& codes;
  Range cols;                  ///< the block's own columns, of `values` and `codes`
  std::int64_t first_row = 0;  ///< of the block's; even
};

using QuantizedStripSink = std::function<void(QuantizedStrip const& strip)>;

/// The demand of a block that is quantised as it comes.
///
/// Groups that a cut of the columns goes through are demanded whole, and so are rows that share a
/// scale: the codes and scales of an element don't depend on the cut. Of a stack, outputs are rows.
[[nodiscard]] io::TensorDemand demand_quantized(TensorBlock const& block,
                                                kernels::QuantFormat const& format,
                                                QuantizedStripSink sink);

}  // namespace talus::runtime
