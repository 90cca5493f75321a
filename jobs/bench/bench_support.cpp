// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/bench_support.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "jobs/bench/machine_limits.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {

std::vector<float> random_floats(std::int64_t count) {
  static std::mt19937 engine{1};
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return normal(engine); });
  return values;
}

MatrixView<float> view(std::vector<float>& data, std::int64_t rows) {
  std::int64_t const cols = std::ssize(data) / rows;
  return {data.data(), rows, cols, cols};
}

MatrixView<float const> view(std::vector<float> const& data, std::int64_t rows) {
  std::int64_t const cols = std::ssize(data) / rows;
  return {data.data(), rows, cols, cols};
}

kernels::PackedWeights pack_bf16(kernels::ExecContext const& exec,
                                 std::vector<float> const& values,
                                 std::int64_t out,
                                 std::int64_t in) {
  kernels::PackedWeights weights{exec, out, in, DType::bf16};
  auto const* const bytes = reinterpret_cast<std::byte const*>(values.data());
  weights.set(exec, {}, {bytes, DType::f32, out, in, in});
  return weights;
}

void require_close(std::span<float const> got, std::span<float const> wanted, float tolerance) {
  float greatest = 0.0F;
  float difference = 0.0F;
  for (std::size_t i = 0; i < got.size(); ++i) {
    greatest = std::max(greatest, std::fabs(wanted[i]));
    difference = std::max(difference, std::fabs(got[i] - wanted[i]));
  }
  if (!(difference <= tolerance * greatest)) {
    throw Error{concat("wrong result: off by ", difference, " of ", greatest)};
  }
}

Limit memory_limit(Settings const& settings) {
  return {"GB/s", [threads = settings.threads] { return read_bandwidth(threads); }};
}

Limit float_limit(Settings const& settings) {
  return {"GFLOP/s", [threads = settings.threads] { return arithmetic_peak(threads); }};
}

void report(Settings const& settings,
            std::string const& name,
            Limit const& limit,
            double amount,
            std::function<void()> const& work) {
  std::vector<double> rates;
  std::vector<double> shares;
  work();
  for (int round = 0; round < settings.rounds; ++round) {
    double const most = limit.of_now();
    auto const start = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    rates.push_back(amount / time.count());
    shares.push_back(rates.back() / most);
  }
  std::printf("%-44s %8.2f %-8s %5.1f%% of the limit\n",
              name.c_str(),
              median(rates) * 1e-9,
              limit.unit,
              median(shares) * 100.0);
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  auto const middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace talus::bench
