// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernels/quantized.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/quantization/quant_config.hpp"

namespace talus::runtime {

/// How a model's matrices are kept in memory.
struct WeightPrecision {
  DType dtype = DType::f32;                         ///< of what isn't quantised: f32 or bf16
  bool keeps_codes = false;                         ///< what the checkpoint has quantised stays so
  std::optional<kernels::QuantFormat> quantize_to;  ///< what is not quantised becomes so at load

  /// Nothing quantised.
  WeightPrecision(DType type = DType::f32) : dtype{type} {}  // NOLINT: a type is a precision
};

/// What --quantization names.
///
/// none: everything in `dtype`, exactly what a checkpoint's codes stand for in float32. auto: as
/// the checkpoint is. A format's name: linear maps of layers are quantised at load; routers,
/// embedding and norms never are, and the output head only to 8 bits.
/// \throws ConfigError  naming what is allowed, or how the checkpoint is quantised already
[[nodiscard]] WeightPrecision precision_from(
    std::string_view name, DType dtype, std::optional<CheckpointQuantization> const& checkpoint);

/// The format of the output head beside linear maps of `format`: of 8 bits, for it weighs much in
/// what is answered and little in memory.
[[nodiscard]] kernels::QuantFormat head_format(kernels::QuantFormat const& format) noexcept;

/// "bfloat16", "bfloat16, int4-g128 of the checkpoint", "bfloat16, quantised to int8".
[[nodiscard]] std::string describe(WeightPrecision const& precision,
                                   std::optional<CheckpointQuantization> const& checkpoint);

}  // namespace talus::runtime
