// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "jobs/bench/bench_parts.hpp"
#include "jobs/bench/machine_limits.hpp"
#include "kernels/session.hpp"
#include "runtime/base/error.hpp"

// Times the hot operations with the machine's own limits beside them.
// Usage: talus_kernels_bench [all|limits|PART] [threads] [rounds]; TALUS_BACKEND chooses the
// kernels.

namespace {

using namespace talus;  // NOLINT: a program

struct Part {
  char const* name;
  void (*run)(bench::Settings const&);
};

constexpr std::array parts = {Part{"matmul", bench::bench_matmul},
                              Part{"attention", bench::bench_attention},
                              Part{"sampling", bench::bench_sampling}};

void print_limits(bench::Settings const& settings) {
  std::printf("%s, backend %s, %d threads: %.1f GB/s read, %.1f GFLOP/s float32\n",
              kernels::KernelSession::description().c_str(),
              kernels::name_of(settings.exec.backend),
              settings.threads,
              bench::read_bandwidth(settings.threads) * 1e-9,
              bench::arithmetic_peak(settings.threads) * 1e-9);
}

int run(int argc, char** argv) {
  std::string_view const wanted = argc > 1 ? argv[1] : "all";
  kernels::KernelSession const session{argc > 2 ? std::atoi(argv[2]) : 0};
  bench::Settings settings;
  char const* const backend = std::getenv("TALUS_BACKEND");
  settings.exec = {backend != nullptr ? kernels::backend_from(backend) : kernels::Backend::kokkos};
  settings.threads = session.num_threads();
  settings.rounds = argc > 3 ? std::atoi(argv[3]) : settings.rounds;
  print_limits(settings);
  bool is_known = wanted == "all" || wanted == "limits";
  for (Part const& part : parts) {
    if (wanted == "all" || wanted == part.name) {
      part.run(settings);
      is_known = true;
    }
  }
  if (!is_known) {
    throw ConfigError{concat("part: ", wanted, " (all, limits, or one of this program's parts)")};
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "talus_kernels_bench: %s\n", error.what());
    return 1;
  }
}
