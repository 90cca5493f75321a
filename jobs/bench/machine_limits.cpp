// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/machine_limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>

#include "jobs/bench/units.hpp"
#include "kernels/buffer.hpp"
#include "kernels/threads/thread_team.hpp"

namespace talus::bench {
namespace {

constexpr std::size_t vector_bytes = 32;
using Words [[gnu::vector_size(vector_bytes)]] = std::uint64_t;

/// Threads that stay, so that none has to be started while the clock runs.
kernels::ThreadTeam& team_of(int num_threads) {
  static std::unique_ptr<kernels::ThreadTeam> team;
  if (!team || team->size() != num_threads) {
    team.reset();
    team = std::make_unique<kernels::ThreadTeam>(
        kernels::TeamOptions{.num_threads = num_threads, .cores = {}, .spins = true});
  }
  return *team;
}

constexpr std::int64_t pieces_of_thread = 32;  // who is late gets help, as in the kernels

/// Seconds in which the threads do all pieces, once they are awake.
template <class Work>
double seconds_of(int num_threads, Work const& work) {
  kernels::ThreadTeam& team = team_of(num_threads);
  kernels::TeamTask const task{[](void const* context, std::int64_t first, std::int64_t last) {
                                 for (std::int64_t piece = first; piece < last; ++piece) {
                                   (*static_cast<Work const*>(context))(piece);
                                 }
                               },
                               &work};
  team.run(num_threads, task);
  auto const start = std::chrono::steady_clock::now();
  team.run(num_threads * pieces_of_thread, task);
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

double peak_of(Unit const& unit, int num_threads) {
  constexpr std::int64_t rounds = 1'000'000 / pieces_of_thread;
  double const seconds = seconds_of(num_threads, [&](std::int64_t) { unit.run(rounds); });
  return unit.operations_per_round * static_cast<double>(rounds * pieces_of_thread * num_threads) /
         seconds;
}

}  // namespace

double read_bandwidth(int num_threads, std::size_t bytes) {
  static kernels::Buffer<std::byte> memory;
  if (static_cast<std::size_t>(memory.bytes()) < bytes) {
    memory = kernels::Buffer<std::byte>{{}, static_cast<std::int64_t>(bytes)};
    std::memset(memory.data(), 1, bytes);
  }
  auto const pieces = static_cast<std::size_t>(num_threads * pieces_of_thread);
  std::size_t const share = bytes / pieces / (4 * vector_bytes) * (4 * vector_bytes);
  std::vector<std::uint64_t> sums(pieces);
  double const seconds = seconds_of(num_threads, [&](std::int64_t piece) {
    auto const p = static_cast<std::size_t>(piece);
    sums[p] = read_all(memory.data() + p * share, share);
  });
  return sums.front() == 0 ? 0.0 : static_cast<double>(pieces * share) / seconds;
}

double arithmetic_peak(int num_threads) {
  double most = 0.0;
  for (Unit const& unit : available_units()) {
    if (unit.is_float32) {
      most = std::max(most, peak_of(unit, num_threads));
    }
  }
  return most;
}

std::vector<UnitPeak> unit_peaks(int num_threads) {
  std::vector<UnitPeak> peaks;
  for (Unit const& unit : available_units()) {
    peaks.push_back({unit.name, peak_of(unit, num_threads)});
  }
  return peaks;
}

std::string processor_name() {
  std::ifstream info{"/proc/cpuinfo"};
  for (std::string line; std::getline(info, line);) {
    std::size_t const colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace talus::bench
