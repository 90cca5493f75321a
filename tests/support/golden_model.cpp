// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_model.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/safetensors.hpp"
#include "runtime/base/error.hpp"
#include "runtime/kv_cache/block_tables.hpp"

namespace talus::test {
namespace {

io::TensorInfo const& tensor_of(io::SafetensorsHeader const& header, std::string const& name) {
  auto const at = std::find_if(header.tensors.begin(),
                               header.tensors.end(),
                               [&](io::TensorInfo const& tensor) { return tensor.name == name; });
  if (at == header.tensors.end()) {
    throw Error{concat("golden.safetensors has no ", name)};
  }
  return *at;
}

template <class T>
std::vector<T> read_tensor(std::filesystem::path const& file,
                           io::SafetensorsHeader const& header,
                           std::string const& name) {
  io::TensorInfo const& tensor = tensor_of(header, name);
  std::vector<T> values(static_cast<std::size_t>(tensor.bytes) / sizeof(T));
  std::ifstream in{file, std::ios::binary};
  in.seekg(tensor.offset);
  in.read(reinterpret_cast<char*>(values.data()), tensor.bytes);
  return values;
}

std::vector<std::int32_t> read_ids(std::filesystem::path const& file,
                                   io::SafetensorsHeader const& header,
                                   std::string const& name) {
  auto const wide = read_tensor<std::int64_t>(file, header, name);
  std::vector<std::int32_t> ids(wide.size());
  std::transform(wide.begin(), wide.end(), ids.begin(), [](std::int64_t id) {
    return static_cast<std::int32_t>(id);
  });
  return ids;
}

}  // namespace

std::vector<std::string> golden_model_names() {
  std::vector<std::string> names;
  for (auto const& entry :
       std::filesystem::directory_iterator{std::filesystem::path{TALUS_TEST_DATA} / "models"}) {
    if (std::filesystem::exists(entry.path() / "golden.safetensors")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

GoldenModel read_golden_model(std::string const& name) {
  GoldenModel golden;
  golden.dir = std::filesystem::path{TALUS_TEST_DATA} / "models" / name;
  golden.spec = runtime::read_model_spec(golden.dir);
  std::filesystem::path const file = golden.dir / "golden.safetensors";
  io::SafetensorsHeader const header = io::read_safetensors_header(file);
  golden.prompt = read_ids(file, header, "input_ids");
  golden.decoded = read_ids(file, header, "decoded_ids");
  golden.prompt_logits = read_tensor<float>(file, header, "logits");
  golden.decoded_logits = read_tensor<float>(file, header, "decoded_logits");
  auto const difference = read_tensor<float>(file, header, "bfloat16_difference");
  golden.bfloat16_difference = {difference.at(0), difference.at(1)};
  return golden;
}

LoadedModel::LoadedModel(parallel::ProcessGrid const& grid,
                         GoldenModel const& golden,
                         kernels::Backend backend,
                         runtime::WeightPrecision const& precision,
                         std::int64_t max_tokens,
                         std::optional<DType> kv_dtype,
                         kernels::MatmulLibrary matmul)
    : device_{kernels::make_device(backend, {.pool_bytes = device_bytes, .matmul = matmul})},
      spec_{golden.spec} {
  kernels::ExecContext const exec{.backend = backend, .device = device_.get()};
  traffic_ = std::make_unique<runtime::GridTraffic>(exec, grid);
  hidden_ = runtime::Activations{exec, max_tokens, golden.spec.hidden};
  runtime::ShardPlace const place = runtime::shard_place(grid);
  io::Checkpoint const checkpoint = io::Checkpoint::open_shared(golden.dir, grid.world());
  weights_ =
      runtime::load_weights(grid.world(), checkpoint, exec, spec_, place, precision, {}).weights;
  auto const longest = static_cast<std::int32_t>(golden.prompt.size() + golden.decoded.size());
  table_size_ = (longest + block_tokens - 1) / block_tokens;
  std::int64_t const max_positions = table_size_ * block_tokens;
  std::vector<std::int64_t> const windows =
      runtime::make_kv_layout(spec_, place.pp_size, max_positions).windows;
  geometry_ = runtime::KvGeometry{{windows.begin(), windows.end()}, block_tokens};
  runtime::DecoderLimits const limits{.max_tokens = max_tokens,
                                      .max_positions = max_positions,
                                      .num_blocks = geometry_.num_groups() * table_size_,
                                      .block_tokens = block_tokens,
                                      .kv_dtype = kv_dtype.value_or(precision.dtype)};
  decoder_ = std::make_unique<runtime::Decoder>(*traffic_, spec_, weights_, limits, clock_);
  runtime::LayerContext const context{.exec = exec,
                                      .place = place,
                                      .clock = &clock_,
                                      .norm_epsilon = spec_.norm_epsilon,
                                      .latent_norm_epsilon = spec_.latent_norm_epsilon};
  head_ = std::make_unique<runtime::OutputHead>(context, spec_, traffic_->tp(), weights_);
  restart();
}

void LoadedModel::restart() {
  position_ = 0;
  // Blocks in an order of their own, so that a table that is not looked at gives wrong answers.
  block_tables_.assign(static_cast<std::size_t>(geometry_.num_groups()), {});
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    for (std::int32_t i = 0; i < table_size_; ++i) {
      block_tables_[static_cast<std::size_t>(group)].push_back(group * table_size_ +
                                                               (i * 7 + 3) % table_size_);
    }
  }
}

void LoadedModel::drop_blocks_out_of_windows() {
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    std::vector<std::int32_t>& table = block_tables_[static_cast<std::size_t>(group)];
    std::fill_n(table.begin(),
                geometry_.first_block(group, position_),
                static_cast<std::int32_t>(runtime::no_block));
  }
}

std::vector<float> LoadedModel::run(std::vector<std::int32_t> const& tokens) {
  auto const count = static_cast<std::int32_t>(tokens.size());
  std::vector<std::int32_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), position_);
  std::vector<std::int32_t> const first_row = {0, count};
  std::vector<std::int32_t> const context = {position_};
  drop_blocks_out_of_windows();
  std::vector<kernels::PagedBatch> groups;
  for (std::vector<std::int32_t> const& table : block_tables_) {
    groups.push_back({.first_row = first_row,
                      .context = context,
                      .block_tables = table,
                      .max_blocks = static_cast<std::int64_t>(table.size())});
  }
  runtime::StepBatch const batch{.tokens = tokens, .positions = positions, .groups = groups};
  MatrixView<float> const x = hidden_.rows(count);
  decoder_->embed(batch, x);
  decoder_->run(batch, x);
  position_ += count;

  std::vector<float> logits;
  std::vector<std::int32_t> rows;
  for (std::int32_t first = 0; first < count; first += runtime::OutputHead::max_rows) {
    rows.resize(static_cast<std::size_t>(
        std::min<std::int64_t>(runtime::OutputHead::max_rows, count - first)));
    std::iota(rows.begin(), rows.end(), first);
    std::size_t const before = logits.size();
    logits.resize(before + rows.size() * static_cast<std::size_t>(spec_.vocab));
    head_->logits(as_const(x), rows, std::span{logits}.subspan(before));
  }
  return logits;
}

}  // namespace talus::test
