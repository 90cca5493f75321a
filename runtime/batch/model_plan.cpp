// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/model_plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "kernels/targets.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "parallel/shared_window.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/value_bytes.hpp"
#include "runtime/batch/absent_gpus.hpp"
#include "runtime/batch/grid_choice.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/packed_options.hpp"
#include "runtime/batch/same_options.hpp"
#include "runtime/batch/shared_texts.hpp"
#include "runtime/model/shared_weights.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t most_tokens = std::int64_t{1}
                                     << 24;  // of a step or a sequence: fits an int32

/// Decoding steps that a device keeps recorded: some hundred kilobytes each.
constexpr std::int64_t max_recordings = 64;

DType dtype_of(ModelOptions const& options, ModelSpec const& spec) {
  if (options.dtype == "auto") {
    return spec.dtype == DType::bf16 ? DType::bf16 : DType::f32;
  }
  for (DType const type : {DType::f32, DType::bf16}) {
    if (options.dtype == name_of(type)) {
      return type;
    }
  }
  throw ConfigError{concat("--dtype: ", options.dtype, " (allowed: auto, float32, bfloat16)")};
}

DType kv_dtype_of(ModelOptions const& options, DType dtype, ModelSpec const& spec) {
  std::map<std::string, DType> const types = {{"auto", dtype},
                                              {"float32", DType::f32},
                                              {"bfloat16", DType::bf16},
                                              {"int8", DType::i8},
                                              {"fp8", DType::f8_e4m3},
                                              {"fp8_e4m3", DType::f8_e4m3}};
  auto const found = types.find(options.kv_cache_dtype);
  if (found == types.end()) {
    throw ConfigError{concat("--kv-cache-dtype: ",
                             options.kv_cache_dtype,
                             " (allowed: auto, float32, bfloat16, int8, fp8, fp8_e4m3)")};
  }
  for (LayerSpec const& layer : spec.layers) {
    kernels::check_kv_shape(kv_shape(layer.attention, ShardPlace{}, found->second));
  }
  return found->second;
}

/// Codes of a checkpoint stay codes, but for who asks for float32: exactly what they stand for.
WeightPrecision precision_of(ModelOptions const& options, DType dtype, ModelSpec const& spec) {
  bool const wants_float = options.quantization == "auto" && options.dtype == name_of(DType::f32);
  return precision_from(wants_float ? "none" : options.quantization, dtype, spec.quantization);
}

Admission admission_of(std::string const& name) {
  if (name == "expected") {
    return Admission::expected;
  }
  if (name == "reserve") {
    return Admission::reserve;
  }
  if (name == "eager") {
    return Admission::eager;
  }
  throw ConfigError{concat("--kv-admission: ", name, " (allowed: expected, reserve, eager)")};
}

void check_range(char const* flag, std::int64_t value, std::int64_t most) {
  if (value < 1 || value > most) {
    throw ConfigError{concat(flag, ": ", value, " (from 1 to ", most, ')')};
  }
}

void check_limits(ModelOptions const& options) {
  check_range("--max-num-seqs", options.max_num_seqs, 65536);
  check_range("--max-num-batched-tokens", options.max_num_batched_tokens, most_tokens);
  if (options.block_size < 1 || options.block_size > 1024 ||
      options.block_size % kernels::KvCache::panel_positions != 0) {
    throw ConfigError{concat("--block-size: ",
                             options.block_size,
                             " (a multiple of ",
                             kernels::KvCache::panel_positions,
                             " up to 1024)")};
  }
  if (options.num_gpu_blocks_override) {
    check_range("--num-gpu-blocks-override", *options.num_gpu_blocks_override, most_tokens);
  }
  if (options.kv_cache_memory && *options.kv_cache_memory < 1) {
    throw ConfigError{
        concat("--kv-cache-memory: ", *options.kv_cache_memory, " (bytes, positive)")};
  }
  static_cast<void>(load_format_from(options.load_format));
}

std::int64_t model_len_of(ModelOptions const& options, ModelSpec const& spec) {
  std::int64_t const length = options.max_model_len.value_or(spec.max_position);
  check_range("--max-model-len", length, std::min(spec.max_position, most_tokens));
  return length;
}

kernels::Backend backend_of(std::string const& name) {
  return name == "auto" ? kernels::available_backends().back() : kernels::backend_from(name);
}

CommOption comm_of(ModelOptions const& options, kernels::Backend backend) {
  CommOption const comm = comm_option_from(options.comm);
  if (comm == CommOption::nccl && backend != kernels::Backend::cuda) {
    throw ConfigError{concat("--comm nccl: the backend ",
                             name_of(backend),
                             " has no GPUs (allowed: auto, mpi; nccl with --backend cuda)")};
  }
  return comm;
}

kernels::MatmulLibrary matmul_of(ModelOptions const& options, kernels::Backend backend) {
  kernels::MatmulLibrary const library = kernels::matmul_library_from(options.gpu_matmul);
  if (library != kernels::MatmulLibrary::own && backend != kernels::Backend::cuda) {
    throw ConfigError{concat("--gpu-matmul ",
                             name_of(library),
                             ": the backend ",
                             name_of(backend),
                             " has no GPUs (allowed: own; cublaslt with --backend cuda)")};
  }
  return library;
}

/// Takes the precision from a manifest, if there is one, and checks that its weights can be used.
void apply_manifest(ModelOptions const& options, ModelPlan& plan) {
  if (plan.packed) {
    plan.weights = packed_precision(*plan.packed, options, plan.weights);
    plan.dtype = plan.weights.dtype;
    check_packing(*plan.packed, options, plan.texts.config, plan.exec);
  }
}

ModelPlan read_plan(ModelOptions const& options,
                    ModelTexts texts,
                    std::shared_ptr<io::ShardManifest const> manifest,
                    std::string host_packs) {
  ModelPlan plan;
  plan.host_packs = std::move(host_packs);
  plan.texts = std::move(texts);
  plan.packed = std::move(manifest);
  check_limits(options);
  plan.spec = read_model_spec(plan.texts, options.model);
  plan.exec = {plan.host_packs.empty() ? backend_of(options.backend) : kernels::Backend::cuda,
               options.team};
  plan.comm = comm_of(options, plan.exec.backend);
  plan.matmul = matmul_of(options, plan.exec.backend);
  plan.dtype = dtype_of(options, plan.spec);
  plan.weights = precision_of(options, plan.dtype, plan.spec);
  apply_manifest(options, plan);
  plan.kv_dtype = kv_dtype_of(options, plan.dtype, plan.spec);
  plan.max_model_len = model_len_of(options, plan.spec);
  plan.scheduler = {
      .max_num_seqs = static_cast<std::int32_t>(options.max_num_seqs),
      .max_num_batched_tokens = static_cast<std::int32_t>(options.max_num_batched_tokens),
      .block_tokens = static_cast<std::int32_t>(options.block_size),
      .num_blocks = 0,
      .steps_in_flight = 1,
      .admission = admission_of(options.kv_admission)};
  return plan;
}

/// What a rank takes of a card's memory: all that is free where it has the card alone.
std::int64_t pool_bytes(RankCard const& card) {
  return card.choice.num_sharers == 1 ? 0
                                      : card.info.memory_bytes / card.choice.num_sharers / 10 * 8;
}

/// Takes this rank's device.
void take_device(kernels::DeviceOptions const& device, ModelPlan& plan) {
  plan.device = kernels::make_device(plan.exec.backend, device);
  plan.exec.device = plan.device.get();
}

/// Gives this rank a card, if the backend has any to choose among. Collective over both.
std::optional<RankCard> choose_card(parallel::Communicator const& world,
                                    parallel::Communicator const& node,
                                    ModelOptions const& options) {
  // The same backend on all ranks: GPUs are never chosen but by name.
  if (options.backend != name_of(kernels::Backend::cuda)) {
    return std::nullopt;
  }
  auto const sharing = options.allow_shared_devices ? CardSharing::allowed : CardSharing::refused;
  return agree_if_seen(world, node, kernels::visible_devices(kernels::Backend::cuda), sharing);
}

/// Takes this rank's device, if its backend has any. Collective over both.
void plan_device(parallel::Communicator const& world,
                 parallel::Communicator const& node,
                 std::optional<RankCard> card,
                 ModelPlan& plan) {
  if (plan.exec.backend != kernels::Backend::cuda) {
    return;
  }
  kernels::DeviceOptions device{.number = node.rank(), .matmul = plan.matmul};
  if (card) {
    plan.card = *std::move(card);
    device.number = plan.card.choice.number;
    device.pool_bytes = pool_bytes(plan.card);
  }
  parallel::run_and_agree(world, [&] { take_device(device, plan); });
}

/// Bytes for weights, activations and the KV cache: of a device, what operations need for
/// themselves is left out.
std::int64_t memory_for(ModelPlan const& plan, int ranks_on_node) {
  return plan.device ? plan.device->free_bytes() / 20 * 19 : available_memory(ranks_on_node);
}

/// Whether replicas are to share weights: random ones each draws for itself, and a device has its
/// own.
bool shares_weights(ModelPlan const& plan, ModelOptions const& options) {
  return options.share_weights && !plan.device &&
         load_format_from(options.load_format) != LoadFormat::dummy;
}

/// Decides which replicas have one copy of the weights together. Collective over the grid's ranks.
void plan_sharing(parallel::ProcessGrid const& grid, ModelOptions const& options, ModelPlan& plan) {
  if (!shares_weights(plan, options)) {
    return;
  }
  int const sharers = weight_sharers(grid).size();
  std::int64_t bytes = 0;
  parallel::run_and_agree(grid.world(), [&] {
    bytes = weight_bytes(plan.exec, plan.spec, shard_place(grid), plan.weights);
  });
  std::int64_t const part = sharers > 1 ? shared_weight_bytes(bytes) / sharers : 0;
  bool const has_room = parallel::has_shared_memory(grid.node(), static_cast<std::size_t>(part));
  plan.weight_sharers = has_room ? sharers : 1;
  plan.lacks_shared_memory = !parallel::all_agree(grid.world(), has_room || sharers == 1);
}

void plan_blocks(parallel::ProcessGrid const& grid,
                 ModelOptions const& options,
                 std::int64_t available,
                 ModelPlan& plan) {
  parallel::run_and_agree(grid.world(), [&] {
    plan.budget = plan_memory(plan.exec,
                              plan.spec,
                              shard_place(grid),
                              {.weights = plan.weights,
                               .kv_dtype = plan.kv_dtype,
                               .max_num_seqs = options.max_num_seqs,
                               .max_num_batched_tokens = options.max_num_batched_tokens,
                               .max_model_len = plan.max_model_len,
                               .block_tokens = options.block_size,
                               .available = available,
                               .weight_sharers = plan.weight_sharers,
                               .kv_cache = options.kv_cache_memory,
                               .num_blocks = options.num_gpu_blocks_override});
    check_budget(plan.budget, plan.max_model_len);
  });
  MemoryBudget& budget = plan.budget;
  budget.num_blocks =
      parallel::all_reduce(grid.world(), budget.num_blocks, parallel::ReduceOp::min);
  budget.kv_cache = budget.num_blocks * budget.block_tokens * budget.kv_token_bytes;
  plan.scheduler.num_blocks = static_cast<std::int32_t>(budget.num_blocks);
  plan.scheduler.windows = budget.geometry.windows();
  plan.scheduler.plans_ahead =
      options.async_scheduling && plan.exec.device != nullptr && grid.shape().pp == 1;
  plan.limits = {.max_tokens = options.max_num_batched_tokens,
                 .max_positions = plan.max_model_len,
                 .num_blocks = budget.num_blocks,
                 .block_tokens = options.block_size,
                 .kv_dtype = plan.kv_dtype,
                 .max_recordings = options.enforce_eager ? 0 : max_recordings};
}

std::string with_thousands(std::int64_t value) {
  std::string const digits = std::to_string(value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

/// Says which rank has which card. Collective over `world`.
void report_cards(parallel::Communicator const& world, RankCard const& card, Reporter& reporter) {
  auto const lines = gather_card_lines(world, card.text);
  auto const idle = parallel::gather_bytes(world, std::as_bytes(std::span{card.idle}), 0);
  for (std::string const& line : lines) {
    reporter.info(line);
  }
  for (auto const& warning : idle) {
    if (!warning.empty()) {
      reporter.warn(std::string{as_text(warning)});
    }
  }
}

/// \param gpu_arch  see plan_packing; null: what is planned computes
ModelPlan make_plan(MPI_Comm comm, ModelOptions const& given, std::string const* gpu_arch) {
  parallel::Communicator const world = parallel::Communicator::duplicate(comm, given.calls);
  std::shared_ptr<io::ShardManifest const> const manifest = find_manifest(world, given);
  parallel::Communicator const node = world.split_by_node();
  ModelTexts const texts = share_model_texts(world, node, given.model);
  ModelOptions options;
  ModelPlan plan;
  parallel::run_and_agree(world, [&] { options = with_manifest(manifest.get(), given); });
  check_same_options(world, options);
  std::string const host_packs =
      gpu_arch == nullptr ? "" : reason_to_pack_on_host(world, options, *gpu_arch);
  bool const uses_cards = host_packs.empty();
  std::optional<RankCard> card =
      uses_cards ? choose_card(world, node, options) : std::optional<RankCard>{};
  parallel::run_and_agree(world, [&] { plan = read_plan(options, texts, manifest, host_packs); });
  if (uses_cards) {
    plan_device(world, node, std::move(card), plan);
  } else {
    parallel::run_and_agree(world, [&] {
      plan.device = make_absent_device(options, *gpu_arch, plan.matmul, world.size());
      plan.exec.device = plan.device.get();
    });
  }
  GridConditions conditions{.num_ranks = world.size(),
                            .ranks_on_node = node.size(),
                            .available = memory_for(plan, node.size()),
                            .shares_weights = shares_weights(plan, options),
                            .weights = plan.weights};
  conditions.ranks_on_node =
      parallel::all_reduce(world, conditions.ranks_on_node, parallel::ReduceOp::min);
  conditions.available = parallel::all_reduce(world, conditions.available, parallel::ReduceOp::min);
  parallel::run_and_agree(
      world, [&] { plan.shape = choose_grid(plan.exec, options, plan.spec, conditions); });
  plan.scheduler.steps_in_flight = plan.shape.pp;
  return plan;
}

}  // namespace

ModelPlan plan_model(MPI_Comm comm, ModelOptions const& options) {
  return make_plan(comm, options, nullptr);
}

ModelPlan plan_packing(MPI_Comm comm, ModelOptions const& options, std::string const& gpu_arch) {
  return make_plan(comm, options, &gpu_arch);
}

std::unique_ptr<parallel::ProcessGrid> make_grid(MPI_Comm comm,
                                                 ModelOptions const& options,
                                                 ModelPlan& plan) {
  auto grid = std::make_unique<parallel::ProcessGrid>(comm, plan.shape, options.calls);
  std::int64_t available = memory_for(plan, grid->node().size());
  available = parallel::all_reduce(grid->world(), available, parallel::ReduceOp::min);
  plan_sharing(*grid, options, plan);
  plan_blocks(*grid, options, available, plan);
  return grid;
}

void report_plan(parallel::ProcessGrid const& grid,
                 ModelPlan const& plan,
                 ModelOptions const& options,
                 Reporter& reporter) {
  std::vector<parallel::Placement> const placements = parallel::gather_placement(grid);
  if (!plan.card.text.empty()) {
    report_cards(grid.world(), plan.card, reporter);
  }
  if (grid.world().rank() != 0) {
    return;
  }
  bool const all_given =
      options.tensor_parallel_size && options.pipeline_parallel_size && options.data_parallel_size;
  parallel::GridShape const& shape = plan.shape;
  reporter.info(concat("grid: dp ",
                       shape.dp,
                       " x pp ",
                       shape.pp,
                       " x tp ",
                       shape.tp,
                       ", ep ",
                       shape.ep,
                       all_given ? "" : " (chosen)",
                       ", backend ",
                       name_of(plan.exec.backend),
                       options.backend == "auto" ? " (auto: the fastest of this processor)" : "",
                       plan.matmul == kernels::MatmulLibrary::own
                           ? ""
                           : " with matmuls of cuBLASLt (answers depend on the batch)",
                       ", ",
                       describe(plan.weights, plan.spec.quantization)));
  reporter.info(parallel::format_placement(placements));
  for (std::string const& warning : parallel::placement_warnings(placements)) {
    reporter.warn(warning);
  }
  MemoryBudget const& budget = plan.budget;
  std::int32_t const num_groups = budget.geometry.num_groups();
  reporter.info(concat("memory of rank 0: ",
                       format_bytes(budget.weights),
                       plan.weight_sharers > 1 ? concat(" weights (its share of what ",
                                                        plan.weight_sharers,
                                                        " replicas on the node have together), ")
                                               : std::string{" weights, "},
                       format_bytes(budget.activations),
                       " activations, ",
                       format_bytes(budget.kv_cache),
                       " KV cache (",
                       budget.num_blocks,
                       " blocks of ",
                       budget.block_tokens,
                       " tokens, ",
                       budget.kv_token_bytes,
                       " bytes a token",
                       plan.kv_dtype == plan.dtype ? "" : concat(" in ", name_of(plan.kv_dtype)),
                       num_groups > 1
                           ? concat(" in each of ", num_groups, " groups of layers), of ")
                           : std::string{"), of "},
                       format_bytes(budget.available),
                       " available"));
  if (plan.lacks_shared_memory) {
    reporter.warn(
        "each replica has weights of its own: a node's shared memory (/dev/shm) has no room for a "
        "copy that they share");
  }
  double const concurrency = kv_concurrency(budget, plan.max_model_len);
  auto const tokens = static_cast<std::int64_t>(
      std::llround(concurrency * static_cast<double>(plan.max_model_len)));
  std::array<char, 96> line{};
  std::snprintf(line.data(),
                line.size(),
                "Maximum concurrency for %s tokens per request: %.2fx",
                with_thousands(plan.max_model_len).c_str(),
                concurrency);
  reporter.info(concat("KV cache size: ",
                       with_thousands(tokens),
                       " tokens",
                       budget.geometry.has_windows() ? " (in sequences of the maximum length)" : "",
                       shape.dp > 1 ? " (each replica)" : ""));
  reporter.info(line.data());
}

}  // namespace talus::runtime
