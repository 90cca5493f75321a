// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "parallel/process_grid.hpp"
#include "runtime/model/decoder.hpp"
#include "runtime/model/family.hpp"
#include "runtime/model/output_head.hpp"

namespace talus::test {

/// A checkpoint of tests/data/models, and what transformers computed from it in float32.
struct GoldenModel {
  std::filesystem::path dir;
  runtime::ModelSpec spec;
  std::vector<std::int32_t> prompt;   ///< [200]
  std::vector<std::int32_t> decoded;  ///< [50] greedy continuation
  std::vector<float> prompt_logits;   ///< [200, vocab]
  std::vector<float> decoded_logits;  ///< [50, vocab], those that chose each decoded token
};

/// \param name  of a folder of tests/data/models
[[nodiscard]] GoldenModel read_golden_model(std::string const& name);

/// A model loaded on a grid, run by hand on one sequence.
class LoadedModel {
 public:
  /// Collective over the grid.
  LoadedModel(parallel::ProcessGrid const& grid,
              GoldenModel const& golden,
              kernels::Backend backend,
              DType dtype,
              std::int64_t max_tokens);

  /// Runs the next tokens of the sequence; every row's logits, [tokens, vocab]. One stage only.
  [[nodiscard]] std::vector<float> run(std::vector<std::int32_t> const& tokens);

  /// Forgets the sequence.
  void restart() { position_ = 0; }

 private:
  static constexpr std::int64_t block_tokens = 16;
  static constexpr std::int64_t max_positions = 256;

  runtime::ModelSpec spec_;
  runtime::StepClock clock_;
  runtime::ModelWeights weights_;
  std::unique_ptr<runtime::Decoder> decoder_;
  std::unique_ptr<runtime::OutputHead> head_;
  runtime::Activations hidden_;
  std::vector<std::vector<std::int32_t>> block_tables_;  ///< by KV group
  std::int32_t position_ = 0;
};

}  // namespace talus::test
