// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "io/checkpoint/loader.hpp"
#include "io/sharded/manifest.hpp"
#include "kernels/exec_context.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/shared_weights.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {

/// Bytes of what a rank holds. Collective over grid.world().
///
/// \param plan  with a manifest
/// \throws ConfigError  on every rank, if its tensors are not those that the model has on this grid
[[nodiscard]] std::int64_t packed_weight_bytes(parallel::ProcessGrid const& grid,
                                               ModelPlan const& plan,
                                               std::filesystem::path const& dir);

/// Whose weights are to be loaded, and to where.
struct PackedLoad {
  parallel::ProcessGrid const& grid;
  ModelPlan const& plan;                  ///< with a manifest
  kernels::ExecContext const& exec;       ///< what weights are allocated with
  SharedWeights const* shared = nullptr;  ///< the memory there that replicas have in common
};

/// Reads a rank's weights as they lie in memory. Collective over the grid's world.
///
/// \throws ConfigError  on every rank: before anything is read, if the manifest's tensors are not
///                      those that the model has on this grid; later, see io::load_packed
[[nodiscard]] LoadedWeights load_packed_weights(PackedLoad const& load,
                                                std::filesystem::path const& dir,
                                                io::LoadOptions const& options);

}  // namespace talus::runtime
