// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

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
                              Part{"quantized", bench::bench_quantized},
                              Part{"attention", bench::bench_attention},
                              Part{"sampling", bench::bench_sampling}};

void print_limits(bench::Settings const& settings) {
  std::printf("%s, %d threads, backend %s, %s\n",
              bench::processor_name().c_str(),
              settings.threads,
              kernels::name_of(settings.exec.backend),
              kernels::KernelSession::description().c_str());
  for (int threads = 1; threads <= settings.threads; ++threads) {
    std::vector<double> rates(static_cast<std::size_t>(settings.rounds));
    std::generate(
        rates.begin(), rates.end(), [&] { return bench::read_bandwidth(threads) * 1e-9; });
    std::printf(
        "%-44s %8.2f GB/s\n", concat("read, ", threads, " threads").c_str(), bench::median(rates));
  }
  for (bench::UnitPeak const& peak : bench::unit_peaks(settings.threads)) {
    std::printf("%-44s %8.2f Gop/s\n", peak.name.c_str(), peak.operations * 1e-9);
  }
}

int run(int argc, char** argv) {
  std::string_view const wanted = argc > 1 ? argv[1] : "all";
  kernels::KernelSession const session{argc > 2 ? std::atoi(argv[2]) : 0};
  bench::Settings settings;
  char const* const backend = std::getenv("TALUS_BACKEND");
  settings.exec = {
      backend != nullptr ? kernels::backend_from(backend) : kernels::available_backends().back(),
      session.team()};
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
