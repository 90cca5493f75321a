// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/machine_limits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/buffer.hpp"

namespace talus::bench {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif
using Words [[gnu::vector_size(vector_bytes)]] = std::uint64_t;
using Floats [[gnu::vector_size(vector_bytes)]] = float;

template <class Work>
double seconds_of(int num_threads, Work const& work) {
  auto const start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < num_threads; ++thread) {
    threads.emplace_back(work, thread);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Reads four streams side by side, as the kernels do.
std::uint64_t read_all(std::byte const* data, std::size_t bytes) {
  Words sums[4] = {};
  std::size_t const stream = bytes / 4;
  for (std::size_t i = 0; i + vector_bytes <= stream; i += vector_bytes) {
    for (std::size_t s = 0; s < 4; ++s) {
      Words words;
      std::memcpy(&words, data + s * stream + i, sizeof words);
      sums[s] += words;
    }
  }
  Words const sum = sums[0] + sums[1] + sums[2] + sums[3];
  return sum[0] + sum[1];
}

/// Twelve independent chains: enough for two units of four or five cycles' latency.
float multiply_and_add(std::int64_t rounds) {
  constexpr int chains = 12;
  Floats sums[chains];
  Floats const factor = Floats{} + 0.999F;
  for (auto& sum : sums) {
    sum = Floats{} + 1.0F;
  }
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = sum * factor + factor;
    }
  }
  Floats total = sums[0];
  for (int c = 1; c < chains; ++c) {
    total += sums[c];
  }
  return total[0];
}

}  // namespace

double read_bandwidth(int num_threads) {
  constexpr std::size_t bytes = std::size_t{1} << 30;
  static kernels::Buffer<std::byte> const memory = [] {
    kernels::Buffer<std::byte> fresh{{}, static_cast<std::int64_t>(bytes)};
    std::memset(fresh.data(), 1, bytes);
    return fresh;
  }();
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(num_threads));
  std::size_t const share = bytes / static_cast<std::size_t>(num_threads);
  double const seconds = seconds_of(num_threads, [&](int thread) {
    auto const t = static_cast<std::size_t>(thread);
    sums[t] = read_all(memory.data() + t * share, share);
  });
  return sums.front() == 0 ? 0.0 : static_cast<double>(bytes) / seconds;
}

double arithmetic_peak(int num_threads) {
  constexpr std::int64_t rounds = 5'000'000;
  std::vector<float> results(static_cast<std::size_t>(num_threads));
  double const seconds = seconds_of(num_threads, [&](int thread) {
    results[static_cast<std::size_t>(thread)] = multiply_and_add(rounds);
  });
  double const operations = 2.0 * 12.0 * (vector_bytes / sizeof(float)) * rounds * num_threads;
  return results.front() == 0.0F ? 0.0 : operations / seconds;
}

}  // namespace talus::bench
