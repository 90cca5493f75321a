// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include "io/trace/trace_writer.hpp"

#include "tests/io/trace_files.hpp"
#include "tests/support/catch.hpp"

// Says what recording costs; asserts only that nothing was lost at the rate measured.

namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>{Clock::now() - start}.count();
}

}  // namespace

TEST_CASE("recording steps in bursts loses nothing, and its cost is said") {
  constexpr int num_bursts = 50;
  constexpr int steps_per_burst = 200;  // 10,000 a second, ten times a fast decode
  TraceFolder const folder;
  talus::io::RunInfo run;
  run.moe_layers.resize(58);
  run.num_experts = 256;
  talus::io::TraceWriter writer{folder.path() / "rank.h5", run, {.flush_interval_s = 0.1}};
  std::vector<std::int32_t> const tokens(256, 1);
  double record_ns = 0;
  double experts_ns = 0;

  for (int burst = 0; burst < num_bursts; ++burst) {
    auto const start = Clock::now();
    for (int i = 0; i < steps_per_burst; ++i) {
      writer.record(step_number(burst * steps_per_burst + i));
    }
    record_ns += nanoseconds_since(start);
    auto const start_of_experts = Clock::now();
    writer.count_expert_tokens(static_cast<std::size_t>(burst), tokens);
    experts_ns += nanoseconds_since(start_of_experts);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  writer.close();

  std::cout << "record(step): " << record_ns / (num_bursts * steps_per_burst)
            << " ns; count_expert_tokens of 256 experts: " << experts_ns / num_bursts << " ns\n";
  CHECK(writer.error().empty());
  CHECK(writer.dropped() == talus::io::DroppedCounts{});
}
