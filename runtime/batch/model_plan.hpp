// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "io/sharded/manifest.hpp"
#include "kernels/device.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/devices/card_choice.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/engine/memory_budget.hpp"
#include "runtime/model/family.hpp"

namespace talus::runtime {

/// Everything about a model on a grid that is decided before its weights are read.
struct ModelPlan {
  ModelTexts texts;  ///< as rank 0 has read them
  ModelSpec spec;
  std::shared_ptr<kernels::Device> device;  ///< null where the backend computes on the host
  kernels::ExecContext exec;
  RankCard card;                            ///< whose device it is; without a text: none
  CommOption comm = CommOption::automatic;  ///< how devices exchange data
  kernels::MatmulLibrary matmul = kernels::MatmulLibrary::own;  ///< whose a device's are
  DType dtype = DType::f32;                                     ///< of what is not quantised
  DType kv_dtype = DType::f32;                                  ///< of the KV cache
  WeightPrecision weights;
  parallel::GridShape shape;
  std::int64_t max_model_len = 0;
  SchedulerOptions scheduler;
  DecoderLimits limits;
  int weight_sharers = 1;            ///< ranks on this rank's node that have one copy together
  bool lacks_shared_memory = false;  ///< so that they don't, though they were to
  std::shared_ptr<io::ShardManifest const> packed;  ///< of the packed weights to load, if they are
  MemoryBudget budget;     ///< of this rank, with the blocks that all ranks agreed on
  std::string host_packs;  ///< why the host packs for GPUs that it doesn't use; empty: it doesn't
};

/// Reads the model's config and decides grid, memory and limits. Collective over `comm`.
///
/// \throws ConfigError  on every rank, if anything doesn't fit
[[nodiscard]] ModelPlan plan_model(MPI_Comm comm, ModelOptions const& options);

/// The same for who packs weights and computes nothing. For GPUs it needs none: where they are
/// named, or no rank sees one, the plan's device stands for one that isn't here. Collective over
/// `comm`.
///
/// \param gpu_arch  the GPUs of the run that will use the weights, as nvcc names them: "sm_90"; or
///                  empty: those that are here
/// \throws ConfigError  on every rank, if anything doesn't fit, or has to be said of GPUs that
///                      aren't here: what they multiply with, and the grid, which nobody can choose
///                      for memory that isn't known
[[nodiscard]] ModelPlan plan_packing(MPI_Comm comm,
                                     ModelOptions const& options,
                                     std::string const& gpu_arch);

/// A plan's own grid, with its blocks agreed on. Collective over `comm`.
///
/// \throws ConfigError  on every rank, if the memory of one doesn't do
[[nodiscard]] std::unique_ptr<parallel::ProcessGrid> make_grid(MPI_Comm comm,
                                                               ModelOptions const& options,
                                                               ModelPlan& plan);

/// Says which rank is where, what memory goes to what, and how much the KV cache holds.
/// Collective over the grid's ranks.
void report_plan(parallel::ProcessGrid const& grid,
                 ModelPlan const& plan,
                 ModelOptions const& options,
                 Reporter& reporter);

}  // namespace talus::runtime
