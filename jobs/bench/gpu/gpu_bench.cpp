// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include <cuda_runtime_api.h>

#include "jobs/bench/gpu/parts.hpp"
#include "kernels/cuda/check.hpp"
#include "runtime/base/error.hpp"

// talus_gpu_bench [all|limits|matmul|attention] [JSON_FILE] [rounds]: operations of the cuda
// backend on the first GPU, after some of their results were compared with those in double
// precision: medians of times by events, beside the bandwidth and the rate that the card was
// measured to have. Its memory has no data of the round before in a cache. Ends with 77 where there
// is no GPU.

namespace {

constexpr int no_gpu = 77;
constexpr int usual_rounds = 31;
constexpr std::int64_t pool_bytes = std::int64_t{12} << 30;

/// Why there is none; empty where there is.
std::string reason_of_none() {
  int count = 0;
  if (cudaError_t const error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    return cudaGetErrorString(error);
  }
  return count == 0 ? "the driver sees none" : "";
}

std::string device_name() {
  cudaDeviceProp properties{};
  talus::kernels::cuda::check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  return properties.name;
}

/// False if a part fails: the others are measured nevertheless.
bool run(std::string const& wanted, std::string const& file, int rounds) {
  using namespace talus::bench::gpu;  // NOLINT: this function only
  using Part = void (*)(Bench&, Report&);
  Bench bench{{.number = 0, .pool_bytes = pool_bytes}, rounds};
  Report report{device_name(), file};
  report.set_limits(measure_limits(bench));
  bool is_well = true;
  for (auto const& [name, part] : {std::pair<char const*, Part>{"matmul", bench_matmul},
                                   std::pair<char const*, Part>{"attention", bench_attention}}) {
    if (wanted != "all" && wanted != name) {
      continue;
    }
    try {
      part(bench, report);
    } catch (std::exception const& error) {
      std::fprintf(stderr, "talus_gpu_bench: %s: %s\n", name, error.what());
      is_well = false;
    }
  }
  return is_well;
}

}  // namespace

int main(int argc, char** argv) {
  std::string const part = argc > 1 ? argv[1] : "all";
  int const rounds = argc > 3 ? std::atoi(argv[3]) : usual_rounds;
  bool const is_part = part == "all" || part == "limits" || part == "matmul" || part == "attention";
  if (!is_part || rounds < 1) {
    std::fprintf(stderr,
                 "talus_gpu_bench [all|limits|matmul|attention] [JSON_FILE] [rounds >= 1]\n");
    return 2;
  }
  if (std::string const reason = reason_of_none(); !reason.empty()) {
    std::printf("skipped: no GPU (%s)\n", reason.c_str());
    return no_gpu;
  }
  try {
    return run(part, argc > 2 ? argv[2] : "", rounds) ? 0 : 1;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "talus_gpu_bench: %s\n", error.what());
    return 1;
  }
}
