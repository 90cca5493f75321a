// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/device.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/kv_cache/kv_geometry.hpp"
#include "runtime/model/decoder.hpp"
#include "runtime/model/family.hpp"
#include "runtime/model/output_head.hpp"
#include "runtime/traffic/grid_traffic.hpp"

namespace talus::test {

/// The folders of tests/data/models, in the order of the alphabet.
[[nodiscard]] std::vector<std::string> golden_model_names();

/// A checkpoint of tests/data/models, and what transformers computed from it in float32.
struct GoldenModel {
  std::filesystem::path dir;
  runtime::ModelSpec spec;
  std::vector<std::int32_t> prompt;            ///< 200 or 96
  std::vector<std::int32_t> decoded;           ///< 50 or 24, the greedy continuation
  std::vector<float> prompt_logits;            ///< [prompt, vocab]
  std::vector<float> decoded_logits;           ///< [decoded, vocab], those that chose each token
  std::array<float, 2> bfloat16_difference{};  ///< of transformers itself: largest, r.m.s.
};

/// \param name  of a folder of tests/data/models
[[nodiscard]] GoldenModel read_golden_model(std::string const& name);

/// A model loaded on a grid, run by hand on one sequence: as long as the golden one at most, so
/// that scalings that depend on the longest sequence find the one that transformers had. Blocks
/// that fell out of a layer's window are gone, as they are in the engine.
class LoadedModel {
 public:
  /// Collective over the grid. The KV cache is of the precision's dtype unless another is given.
  LoadedModel(parallel::ProcessGrid const& grid,
              GoldenModel const& golden,
              kernels::Backend backend,
              runtime::WeightPrecision const& precision,
              std::int64_t max_tokens,
              std::optional<DType> kv_dtype = {},
              kernels::MatmulLibrary matmul = kernels::MatmulLibrary::own);

  /// Runs the next tokens of the sequence; every row's logits, [tokens, vocab]. One stage only.
  [[nodiscard]] std::vector<float> run(std::vector<std::int32_t> const& tokens);

  /// Forgets the sequence.
  void restart();

 private:
  static constexpr std::int32_t block_tokens = 16;
  static constexpr std::int64_t device_bytes = std::int64_t{256} << 20;

  void drop_blocks_out_of_windows();

  std::unique_ptr<kernels::Device> device_;  ///< null where the backend computes on the host
  std::unique_ptr<runtime::GridTraffic> traffic_;
  runtime::ModelSpec spec_;
  runtime::StepClock clock_;
  runtime::ModelWeights weights_;
  std::unique_ptr<runtime::Decoder> decoder_;
  std::unique_ptr<runtime::OutputHead> head_;
  runtime::Activations hidden_;
  runtime::KvGeometry geometry_;
  std::int32_t table_size_ = 0;                          ///< blocks of the longest sequence
  std::vector<std::vector<std::int32_t>> block_tables_;  ///< by KV group
  std::int32_t position_ = 0;
};

}  // namespace talus::test
