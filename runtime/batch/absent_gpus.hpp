// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kernels/device.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/run_options.hpp"

/// \file
/// Weights are packed for GPUs also where there are none: what can't be asked is the user's to say.

namespace talus::runtime {

/// Why the host packs weights for GPUs that it doesn't use: they are named, or no rank sees any.
/// Empty: it doesn't. Collective over `world`.
///
/// \param gpu_arch  as nvcc names them, or empty
/// \throws ConfigError  on every rank, if they are named for a backend without GPUs, or not alike
[[nodiscard]] std::string reason_to_pack_on_host(parallel::Communicator const& world,
                                                 ModelOptions const& options,
                                                 std::string const& gpu_arch);

/// What stands for the GPU of one of `num_ranks` ranks.
///
/// \throws ConfigError  if the grid isn't given, which nobody can choose for memory that isn't
///                      known; or see kernels::cuda::make_absent_device
[[nodiscard]] std::unique_ptr<kernels::Device> make_absent_device(ModelOptions const& options,
                                                                  std::string const& gpu_arch,
                                                                  kernels::MatmulLibrary matmul,
                                                                  int num_ranks);

}  // namespace talus::runtime
