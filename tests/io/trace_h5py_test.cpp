// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/trace/master_file.hpp"
#include "io/trace/trace_writer.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/trace_files.hpp"
#include "tests/support/catch.hpp"

// What trace_reader.py, beside this file, expects to find.

namespace {

using namespace talus::io;

RunInfo run_of(int rank) {
  RunInfo run;
  run.world_size = 4;
  run.rank = rank;
  run.host = talus::concat("node-", rank);
  run.epoch_unix_s = 1.75e9;
  run.options = {{"--model", "m\u00f6del"}, {"--seed", "1"}, {"--seed", "2"}};
  run.model = {{"family", "qwen3"}};
  run.versions = {{"talus", "0.1.0"}};
  run.moe_layers = rank == 1 ? std::vector{2} : std::vector{1, 3};
  run.num_experts = 4;
  return run;
}

void record_steps(TraceWriter& writer, int num_steps) {
  for (int i = 0; i < num_steps; ++i) {
    StepRecord step;
    step.step = i;
    step.t_begin = 0.5 * i;
    step.phase_s[static_cast<std::size_t>(Phase::attention)] = 0.25F * static_cast<float>(i);
    step.bytes_sent[static_cast<std::size_t>(Traffic::next_stage)] = std::uint64_t{1} << 40;
    step.used_num_blocks = i + 1;
    writer.record(step);
  }
}

void record_experts(TraceWriter& writer, RunInfo const& run) {
  std::array<std::int32_t, 4> const tokens{0, 0, run.rank + 1, 0};
  writer.count_expert_tokens(run.moe_layers.size() - 1, tokens);
}

void record_one_request(TraceWriter& writer) {
  RequestRecord request;
  request.index = 7;
  request.custom_id = CustomId{"r\u00e9quest-7"};
  request.arrival = 1;
  request.scheduled = 1.5;
  request.first_token = 3;
  request.finish = 7;
  request.num_output_tokens = 5;
  request.finish_reason = RequestEnd::length;
  writer.record(request);
  writer.record(PreemptionRecord{.request = 7, .tokens_lost = 640});
}

void write_rank(std::filesystem::path const& folder, int rank, int num_steps) {
  RunInfo const run = run_of(rank);
  TraceWriter writer{folder / rank_file_name(rank), run, {.step_chunk_rows = 8}};
  record_steps(writer, num_steps);
  record_experts(writer, run);
  if (rank == 0) {
    record_one_request(writer);
  }
  writer.close();
  REQUIRE(writer.error().empty());
}

// A rank that is killed long after it was last flushed.
void write_killed_rank(std::filesystem::path const& folder, int rank, int num_steps) {
  pid_t const child = fork();
  if (child == 0) {
    RunInfo const run = run_of(rank);
    TraceWriter writer{
        folder / rank_file_name(rank), run, {.flush_interval_s = 0.01, .expert_interval_s = 0.01}};
    record_steps(writer, num_steps);
    record_experts(writer, run);
    std::this_thread::sleep_for(std::chrono::seconds{1});
    raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

// Runs the reader; 0 if it found what it expects. What it says goes to the test's output.
int read_with_h5py(std::filesystem::path const& folder) {
  char const* const python = std::getenv("TALUS_TEST_PYTHON");
  return std::system(talus::concat(python != nullptr ? python : "/usr/bin/python3",
                                   " " TALUS_SOURCE_DIR "/tests/io/trace_reader.py ",
                                   folder.string())
                         .c_str());
}

}  // namespace

TEST_CASE(
    "h5py reads the traces of all ranks through the master file, also where they were moved") {
  TraceFolder const place;
  auto const folder = place.path() / "trace";
  std::filesystem::create_directory(folder);

  write_killed_rank(folder, 2, 20);
  write_master(folder, {{1, 3}, {2}, {1, 3}, {1, 3}}, 4);
  write_rank(folder, 0, 30);
  write_rank(folder, 1, 10);
  CHECK(read_with_h5py(folder) == 0);

  auto const moved = place.path() / "moved";
  std::filesystem::rename(folder, moved);
  CHECK(read_with_h5py(moved) == 0);
}

TEST_CASE("a master file without ranks, or in no folder, is refused") {
  TraceFolder const folder;

  CHECK_THROWS_AS(write_master(folder.path(), {}, 0), talus::ConfigError);
  CHECK_THROWS_AS(write_master(folder.path() / "missing", {{}}, 0), talus::ConfigError);
}

TEST_CASE("the master file of many ranks without experts is written at once") {
  TraceFolder const folder;

  write_master(folder.path(), std::vector<std::vector<int>>(1000), 0);

  CHECK(read_attribute(folder.path() / master_file_name, "num_ranks") == 1000);
}
