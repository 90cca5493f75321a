// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/quantization/quant_tensors.hpp"

namespace talus::runtime {

/// What a block's codes need to mean something: read before them.
struct ScaleTable {
  CheckpointQuantization quantization;
  QuantPlace place;
  ScaleExtent extent;
  std::vector<float> scales;               ///< [scale rows, groups] of the extent
  std::vector<std::uint8_t> zeros;         ///< likewise, or empty
  std::vector<std::int32_t> input_groups;  ///< [inputs of the block] with act_order, else empty
};

/// Takes a rectangle of a block's codes with their scales; `origin` is its place in the block.
using QuantSink = std::function<void(kernels::QuantRows const& rows, kernels::MatrixOrigin origin)>;

/// A table without its contents, and the demands that fill it.
///
/// The sinks throw ConfigError for zero points, groups or scales that can't be.
[[nodiscard]] std::shared_ptr<ScaleTable const> demand_scales(
    CheckpointQuantization const& quantization,
    QuantPlace const& place,
    std::vector<io::TensorDemand>& demands);

/// The demand of a block's codes. What it states may be loaded when `table` is full.
///
/// With act_order each rectangle has a scale of its own for every element, as groups of one input.
[[nodiscard]] io::TensorDemand demand_codes(std::shared_ptr<ScaleTable const> table,
                                            QuantSink sink);

}  // namespace talus::runtime
