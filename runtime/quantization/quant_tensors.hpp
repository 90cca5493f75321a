// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "runtime/model/weight_blocks.hpp"
#include "runtime/quantization/quant_config.hpp"
#include "runtime/quantization/unpack.hpp"

/// \file
/// Which parts of which tensors a block of a quantised linear map is made of.

namespace talus::runtime {

/// A block of a linear map [out, in]: of which the checkpoint has no tensor, but several.
struct QuantPlace {
  std::string module;  ///< without ".weight"
  std::int64_t out = 0;
  std::int64_t in = 0;
  Range rows;                    ///< of out
  Range cols;                    ///< of in
  std::int64_t num_stacked = 0;  ///< maps in one tensor; 0: it has one of its own
  std::int64_t index = 0;        ///< of the map in the stack
};

/// The place of a block that is described as if its map weren't quantised.
[[nodiscard]] QuantPlace quant_place(TensorBlock const& block);

/// Scales that a block needs: rows of scales, each of `groups`.
struct ScaleExtent {
  Range rows;
  Range groups;
};

/// Which scales a block needs.
[[nodiscard]] ScaleExtent scale_extent(CheckpointQuantization const& quantization,
                                       QuantPlace const& place);

/// A part of a tensor.
struct TensorPart {
  std::string name;
  io::ExpectedShape shape;
  Range rows;
  Range cols;
};

/// The scales of a block: [scale rows, groups], or the other way round with `is_transposed`.
[[nodiscard]] TensorPart scales_of(CheckpointQuantization const& quantization,
                                   QuantPlace const& place);

/// Whether scales_of() has groups as rows.
[[nodiscard]] bool scales_are_transposed(QuantLayout layout) noexcept;

/// The zero points of a block. \pre quantization.stored_zeros
[[nodiscard]] TensorPart zeros_of(CheckpointQuantization const& quantization,
                                  QuantPlace const& place);

/// The groups of a block's inputs. \pre quantization.act_order
[[nodiscard]] TensorPart input_groups_of(CheckpointQuantization const& quantization,
                                         QuantPlace const& place);

/// The codes of a block.
[[nodiscard]] TensorPart codes_of(CheckpointQuantization const& quantization,
                                  QuantPlace const& place);

/// The type that scales of a layout are usually stored in, where no file can be asked.
[[nodiscard]] DType usual_scale_type(CheckpointQuantization const& quantization) noexcept;

/// The type in which scales that a file has in `stored` can be kept exactly.
[[nodiscard]] DType stored_scale_type(CheckpointQuantization const& quantization,
                                      DType stored) noexcept;

/// Elements of linear maps that a tensor of a quantised checkpoint holds, from its name: 0 for
/// scales and their like.
[[nodiscard]] std::int64_t elements_in(CheckpointQuantization const& quantization,
                                       io::TensorInfo const& tensor) noexcept;

/// Names of all tensors that a block is read from.
[[nodiscard]] std::vector<std::string> names_of(CheckpointQuantization const& quantization,
                                                QuantPlace const& place);

/// Names of tensors that a quantised map may have beside: known, and needed by nothing.
[[nodiscard]] std::vector<std::string> spare_names_of(CheckpointQuantization const& quantization,
                                                      QuantPlace const& place);

}  // namespace talus::runtime
