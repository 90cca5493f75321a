// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/gpu/gpu_support.hpp"

#include <cmath>

#include <cuda_runtime_api.h>

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/cuda/operations.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench::gpu {
namespace {

using kernels::cuda::check;

constexpr int warm_up_rounds = 3;

kernels::cuda::Event make_event() {
  cudaEvent_t native = nullptr;
  check(cudaEventCreate(&native), "cudaEventCreate");
  return kernels::cuda::Event{native};
}

/// Reference: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed * 0x9E3779B97F4A7C15U + 1U} {}

  /// A sum of four uniform values, scaled to a variance of one.
  float next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    float sum = 0.0F;
    for (unsigned i = 0; i < 4; ++i) {
      sum += static_cast<float>(state_ >> (16U * i) & 0xFFFFU) - 32767.5F;
    }
    return sum * (0.8660254F / 32767.5F);
  }

 private:
  std::uint64_t state_;
};

}  // namespace

Bench::Bench(kernels::DeviceOptions const& options, int rounds)
    : device_{options}, rounds_{rounds} {
  exec_.backend = kernels::Backend::cuda;
  exec_.device = &device_;
  kernels::cuda::set_operations(operations_);
}

std::vector<double> Bench::time(std::function<void(int)> const& work) {
  for (int round = 0; round < warm_up_rounds; ++round) {
    work(round);
  }
  device_.synchronize();
  std::vector<kernels::cuda::Event> events;
  for (int round = 0; round < rounds_; ++round) {
    events.push_back(make_event());
    check(cudaEventRecord(events.back().get(), device_.stream()), "cudaEventRecord");
    work(warm_up_rounds + round);
    events.push_back(make_event());
    check(cudaEventRecord(events.back().get(), device_.stream()), "cudaEventRecord");
  }
  device_.synchronize();
  std::vector<double> microseconds;
  for (std::size_t i = 0; i < events.size(); i += 2) {
    float milliseconds = 0.0F;
    check(cudaEventElapsedTime(&milliseconds, events[i].get(), events[i + 1].get()),
          "cudaEventElapsedTime");
    microseconds.push_back(milliseconds * 1e3);
  }
  return microseconds;
}

std::vector<float> random_floats(std::int64_t count, std::uint64_t seed) {
  Random random{seed};
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    value = random.next();
  }
  return values;
}

std::vector<std::uint16_t> random_bf16(std::int64_t count, std::uint64_t seed) {
  Random random{seed};
  std::vector<std::uint16_t> values(static_cast<std::size_t>(count));
  for (std::uint16_t& value : values) {
    value = float_to_bf16(random.next());
  }
  return values;
}

void Verifier::add(double got, double wanted) {
  differences_ += (got - wanted) * (got - wanted);
  wanted_ += wanted * wanted;
}

void Verifier::finish() const {
  constexpr double tolerance = 1e-2;  // of operands rounded to bfloat16
  double const apart = std::sqrt(differences_ / wanted_);
  if (!(apart < tolerance)) {
    throw ConfigError{
        concat(what_, ": the result is wrong by ", apart, " (at most ", tolerance, ')')};
  }
}

}  // namespace talus::bench::gpu
