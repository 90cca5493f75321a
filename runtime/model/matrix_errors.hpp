// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "kernels/quantized.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// How far quantised weights are from a tensor's own.
struct MatrixError {
  std::string name;  ///< of the tensor
  kernels::QuantFormat format;
  std::int64_t elements = 0;
  double relative = 0.0;  ///< root mean square of the error, of that of the weights
};

/// Quantises what load_weights would, and measures it; keeps nothing. Local; reads each tensor
/// once.
///
/// \throws ConfigError  see io::load_tensors
[[nodiscard]] std::vector<MatrixError> matrix_errors(io::Checkpoint const& checkpoint,
                                                     ModelSpec const& spec,
                                                     kernels::QuantFormat const& format);

}  // namespace talus::runtime
