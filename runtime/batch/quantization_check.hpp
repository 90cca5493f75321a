// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "kernels/exec_context.hpp"
#include "runtime/model/matrix_errors.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/quantization/weight_precision.hpp"

/// \file
/// What quantising a model's weights, or its KV cache, does to it.

namespace talus::runtime {

/// How far the quantised model's logits are from the model's.
struct LogitError {
  std::int64_t tokens = 0;
  double root_mean_square = 0.0;
  double largest = 0.0;
  double divergence =
      0.0;  ///< Kullback-Leibler, of the model's from the quantised one's, nats a token
  double agreement = 0.0;  ///< share of tokens whose likeliest next token is the same
};

struct QuantizationCheck {
  std::vector<MatrixError> matrices;  ///< that are quantised at load, in the order of the layers
  std::vector<double> layers;         ///< [layers] relative error of the residual behind each
  LogitError logits;
};

/// What is compared: the model in `reference`, its KV cache in float32, with the same in
/// `quantized`.
struct CheckedModel {
  kernels::ExecContext exec;
  ModelSpec spec;
  WeightPrecision reference;
  WeightPrecision quantized;
  DType kv_dtype = DType::f32;  ///< of the quantised model's KV cache
};

/// Runs both models on prompts, one after the other, on this rank alone.
///
/// Holds the hidden states and logits of all prompts' tokens of one model. Local.
/// \param prompts  none empty
/// \throws ConfigError  see load_weights
[[nodiscard]] QuantizationCheck check_quantization(
    CheckedModel const& model,
    io::Checkpoint const& checkpoint,
    std::vector<std::vector<std::int32_t>> const& prompts);

}  // namespace talus::runtime
