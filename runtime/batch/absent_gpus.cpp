// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/absent_gpus.hpp"

#include <optional>

#include "kernels/cuda/absent_device.hpp"
#include "kernels/cuda/gpu_arch.hpp"
#include "kernels/targets.hpp"
#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

void check_sizes(ModelOptions const& options, int num_ranks) {
  int const tp = options.tensor_parallel_size.value_or(1);
  int const pp = options.pipeline_parallel_size.value_or(1);
  bool const are_given = options.tensor_parallel_size && options.pipeline_parallel_size;
  if (!are_given && tp * pp != num_ranks) {
    throw ConfigError{concat("grid: ",
                             num_ranks,
                             " ranks (weights are packed for GPUs that aren't here, whose memory "
                             "isn't known: --tensor-parallel-size and --pipeline-parallel-size "
                             "must be given)")};
  }
}

}  // namespace

std::string reason_to_pack_on_host(parallel::Communicator const& world,
                                   ModelOptions const& options,
                                   std::string const& gpu_arch) {
  std::string const arch = parallel::broadcast_text(world, gpu_arch);
  bool const wants_gpus = options.backend == name_of(kernels::Backend::cuda);
  parallel::run_and_agree(world, [&] {
    if (arch != gpu_arch) {
      throw ConfigError{"--gpu-arch differs from rank to rank (all must be given the same)"};
    }
    if (!arch.empty() && !wants_gpus) {
      throw ConfigError{concat("--gpu-arch: ", arch, " (only with --backend cuda)")};
    }
  });
  if (!wants_gpus || !arch.empty()) {
    return arch;
  }
  auto const seen = kernels::visible_devices(kernels::Backend::cuda);
  bool const sees_none = seen && seen->found.empty();
  return parallel::all_agree(world, sees_none) ? concat("none is here: ", seen->reason) : "";
}

std::unique_ptr<kernels::Device> make_absent_device(ModelOptions const& options,
                                                    std::string const& gpu_arch,
                                                    kernels::MatmulLibrary matmul,
                                                    int num_ranks) {
  check_sizes(options, num_ranks);
  std::optional<int> capability;
  if (!gpu_arch.empty()) {
    capability = kernels::cuda::capability_from(gpu_arch);
  }
  return kernels::cuda::make_absent_device(matmul, capability);
}

}  // namespace talus::runtime
