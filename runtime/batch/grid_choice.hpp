// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/exec_context.hpp"
#include "parallel/grid_shape.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/quantization/weight_precision.hpp"

namespace talus::runtime {

/// What a choice of grid depends on, besides the user's sizes.
struct GridConditions {
  int num_ranks = 1;
  int ranks_on_node = 1;        ///< fewest of any node
  std::int64_t available = 0;   ///< bytes of memory for a rank, the least of all
  bool shares_weights = false;  ///< replicas on a node have one copy together
  WeightPrecision weights;
};

/// The process grid of a run: the sizes that the user gave, the others so that it fits.
///
/// Batches run best on many replicas, so of the grids that use all ranks and hold the weights in
/// seven tenths of a rank's memory the one with the most replicas is taken, with tensor parallelism
/// before pipeline stages, and inside a node. Experts are shared out over the tensor-parallel
/// ranks, or over all ranks of a stage if they only fit so. \throws ConfigError  with the
/// arithmetic, if the sizes given don't fit the ranks or the model
[[nodiscard]] parallel::GridShape choose_grid(kernels::ExecContext const& exec,
                                              ModelOptions const& options,
                                              ModelSpec const& spec,
                                              GridConditions const& conditions);

}  // namespace talus::runtime
