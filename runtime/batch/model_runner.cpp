// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/model_runner.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "kernels/transfer.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t block_tokens = 16;

}  // namespace

ModelRunner::ModelRunner(kernels::ExecContext const& exec,
                         io::Checkpoint const& checkpoint,
                         ModelSpec const& spec,
                         WeightPrecision const& precision,
                         DType kv_dtype,
                         std::int64_t longest)
    : device_{kernels::make_device(exec.backend, {})},
      exec_{exec.backend, exec.team, exec.memory, device_.get()},
      spec_{spec},
      grid_{MPI_COMM_SELF, {}},
      traffic_{exec_, grid_},
      hidden_{exec_, longest, spec.hidden} {
  ShardPlace const place = shard_place(grid_);
  weights_ = load_weights(grid_.world(), checkpoint, exec_, spec_, place, precision, {}).weights;
  blocks_.resize(static_cast<std::size_t>((longest + block_tokens - 1) / block_tokens));
  auto const max_positions = std::ssize(blocks_) * block_tokens;
  KvLayout const layout = make_kv_layout(spec_, place.pp_size, max_positions);
  num_groups_ = std::ssize(layout.windows);
  DecoderLimits const limits{.max_tokens = longest,
                             .max_positions = max_positions,
                             .num_blocks = num_groups_ * std::ssize(blocks_),
                             .block_tokens = block_tokens,
                             .kv_dtype = kv_dtype};
  decoder_ = std::make_unique<Decoder>(traffic_, spec_, weights_, limits, clock_);
  LayerContext const context{.exec = exec_,
                             .place = place,
                             .clock = &clock_,
                             .norm_epsilon = spec_.norm_epsilon,
                             .latent_norm_epsilon = spec_.latent_norm_epsilon};
  head_ = std::make_unique<OutputHead>(context, spec_, traffic_.tp(), weights_);
}

PromptStates ModelRunner::run(std::span<std::int32_t const> prompt) {
  auto const count = static_cast<std::int32_t>(prompt.size());
  std::vector<std::int32_t> positions(prompt.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::array<std::int32_t, 2> const first_row = {0, count};
  std::array<std::int32_t, 1> const context = {0};
  std::vector<std::vector<std::int32_t>> tables;
  std::vector<kernels::PagedBatch> groups;
  for (std::int64_t group = 0; group < num_groups_; ++group) {
    tables.push_back(blocks_);
    std::iota(tables.back().begin(),
              tables.back().end(),
              static_cast<std::int32_t>(group * std::ssize(blocks_)));
  }
  for (std::vector<std::int32_t> const& table : tables) {
    groups.push_back({.first_row = first_row,
                      .context = context,
                      .block_tables = table,
                      .max_blocks = std::ssize(table)});
  }
  PromptStates states;
  decoder_->observe_layers([&](MatrixView<float const> x) {
    std::vector<float>& layer =
        states.layers.emplace_back(static_cast<std::size_t>(x.rows * x.cols));
    kernels::download<float>(exec_, x.data, layer);
  });
  StepBatch const batch{.tokens = prompt, .positions = positions, .groups = groups};
  MatrixView<float> const x = hidden_.rows(count);
  decoder_->embed(batch, x);
  decoder_->run(batch, x);
  std::vector<std::int32_t> rows;
  for (std::int32_t first = 0; first < count; first += OutputHead::max_rows) {
    rows.resize(
        static_cast<std::size_t>(std::min<std::int64_t>(OutputHead::max_rows, count - first)));
    std::iota(rows.begin(), rows.end(), first);
    std::size_t const before = states.logits.size();
    states.logits.resize(before + rows.size() * static_cast<std::size_t>(spec_.vocab));
    head_->logits(as_const(x), rows, std::span{states.logits}.subspan(before));
  }
  return states;
}

}  // namespace talus::runtime
