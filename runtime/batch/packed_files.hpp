// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "parallel/process_grid.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/weight_binder.hpp"

/// \file
/// Which file of packed weights holds what: one for each shard of a stage, and one for the experts
/// of each expert rank of a stage. Replicas hold the same.

namespace talus::runtime {

inline constexpr std::array weight_parts = {WeightPart::shard, WeightPart::experts};

/// The file of what a rank at `place` holds of a part.
[[nodiscard]] std::string packed_file_name(ShardPlace const& place, WeightPart part);

/// Whether a weight lies in the memory of the context's device.
[[nodiscard]] inline bool is_on_device(kernels::ExecContext const& exec,
                                       BoundWeight const& weight) noexcept {
  return exec.device != nullptr && !weight.is_vector;
}

/// The ranks that hold the same of a part as this one, in the grid's order. Collective over
/// grid.world().
[[nodiscard]] parallel::Communicator part_holders(parallel::ProcessGrid const& grid,
                                                  WeightPart part);

}  // namespace talus::runtime
