// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/weight_precision.hpp"

#include "runtime/base/error.hpp"

namespace talus::runtime {

WeightPrecision precision_from(std::string_view name,
                               DType dtype,
                               std::optional<CheckpointQuantization> const& checkpoint) {
  WeightPrecision precision{dtype};
  if (name == "none") {
    return precision;
  }
  if (name == "auto") {
    precision.keeps_codes = checkpoint.has_value();
    return precision;
  }
  precision.quantize_to = kernels::parse_quant_format(name, "--quantization");
  if (checkpoint) {
    throw ConfigError{concat("--quantization: ",
                             name,
                             " (the checkpoint is quantised already, ",
                             checkpoint->method,
                             " to ",
                             name_of(checkpoint->format),
                             "; allowed are auto and none)")};
  }
  return precision;
}

kernels::QuantFormat head_format(kernels::QuantFormat const& format) noexcept {
  return {kernels::QuantKind::int8, format.group, false, 1};
}

std::string describe(WeightPrecision const& precision,
                     std::optional<CheckpointQuantization> const& checkpoint) {
  std::string const type = name_of(precision.dtype);
  if (precision.quantize_to) {
    return concat(type, ", quantised to ", name_of(*precision.quantize_to));
  }
  if (!checkpoint) {
    return type;
  }
  return concat(type,
                precision.keeps_codes ? ", " : ", dequantised from ",
                name_of(checkpoint->format),
                " of the checkpoint (",
                checkpoint->method,
                ')');
}

}  // namespace talus::runtime
