// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/quantized.hpp"

/// \file
/// What a checkpoint's quantization_config says.

namespace talus::runtime {

class ConfigFields;

/// How a quantised checkpoint stores a linear map X of [out, in].
enum class QuantLayout : std::uint8_t {
  gptq,     ///< X.qweight [in / 8, out] words of 4-bit codes (or of 8), X.qzeros, X.scales, X.g_idx
  awq,      ///< X.qweight [in, out / 8] words whose nibbles are interleaved, X.qzeros, X.scales
  words,    ///< X.weight_packed [out, in / 8], X.weight_scale, X.weight_zero_point
  bytes,    ///< X.weight [out, in] of int8 or e4m3, X.weight_scale
  blocks,   ///< X.weight [out, in] of e4m3, X.weight_scale_inv, a scale for each 128 x 128 block
  stacked,  ///< X_blocks [experts, out, in / 32, 16] of two e2m1 a byte, X_scales [.., in / 32]
};

/// How a checkpoint is quantised.
struct CheckpointQuantization {
  std::string method;  ///< "gptq", "awq", "compressed-tensors", "fp8", "mxfp4"
  QuantLayout layout = QuantLayout::gptq;
  kernels::QuantFormat format;       ///< what the codes mean
  bool act_order = false;            ///< inputs choose their group by g_idx
  bool zeros_less_one = false;       ///< GPTQ's first format stores zero points less one
  bool stored_zeros = false;         ///< zero points are in the file, also where all are the same
  bool one_scale = false;            ///< one for the whole matrix
  bool quantizes_head = false;       ///< the output head too
  bool quantizes_router = false;     ///< routers too, where not ignored
  std::vector<std::string> only;     ///< parts of names of what is quantised; empty: all
  std::vector<std::string> ignored;  ///< parts of names of what is not
  std::vector<std::function<bool(std::string_view)>> patterns;  ///< of names of what is not

  /// Bits of a code.
  [[nodiscard]] std::int64_t bits() const noexcept;

  /// Whether the linear map of that name, such as "model.layers.0.mlp.up_proj", is quantised.
  [[nodiscard]] bool covers(std::string_view module) const;
};

/// Reads a quantization_config.
///
/// \throws ConfigError  naming the field, if it has one that is not known, or a value that is not
///                      supported
[[nodiscard]] CheckpointQuantization read_quantization(ConfigFields const& fields);

}  // namespace talus::runtime
