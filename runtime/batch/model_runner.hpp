// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "kernels/device.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/model/decoder.hpp"
#include "runtime/model/output_head.hpp"
#include "runtime/quantization/weight_precision.hpp"

namespace talus::runtime {

/// What a model makes of a prompt.
struct PromptStates {
  std::vector<std::vector<float>>
      layers;                 ///< [layers] of [tokens, hidden]: the residual behind each
  std::vector<float> logits;  ///< [tokens, vocab]
};

/// A model on this rank alone, run on whole prompts one after another, that shows what its layers
/// give.
class ModelRunner {
 public:
  /// Loads the model. Local.
  ///
  /// \param kv_dtype  of the KV cache
  /// \param longest   tokens of the longest prompt
  /// \throws ConfigError  see load_weights
  ModelRunner(kernels::ExecContext const& exec,
              io::Checkpoint const& checkpoint,
              ModelSpec const& spec,
              WeightPrecision const& precision,
              DType kv_dtype,
              std::int64_t longest);

  /// Runs a prompt from its beginning.
  [[nodiscard]] PromptStates run(std::span<std::int32_t const> prompt);

 private:
  std::unique_ptr<kernels::Device> device_;  ///< null where the backend computes on the host
  kernels::ExecContext exec_;
  ModelSpec spec_;
  parallel::ProcessGrid grid_;
  GridTraffic traffic_;
  StepClock clock_;
  ModelWeights weights_;
  Activations hidden_;
  std::int64_t num_groups_ = 0;
  std::vector<std::int32_t> blocks_;  ///< of the longest prompt, in one group
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<OutputHead> head_;
};

}  // namespace talus::runtime
