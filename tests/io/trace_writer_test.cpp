// SPDX-License-Identifier: Apache-2.0
#include "io/trace/trace_writer.hpp"

#include <chrono>
#include <filesystem>
#include <numeric>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/error.hpp"

#include "tests/io/trace_files.hpp"
#include "tests/support/catch.hpp"

using talus::io::RunInfo;
using talus::io::TraceOptions;
using talus::io::TraceWriter;

namespace {

// The steps that a reader of another process sees now: a copy is opened, because HDF5 would give
// this process the file as the writer's thread has it in memory. Empty if the copy hit a moment
// between two writes.
std::vector<std::int64_t> steps_on_disk(std::filesystem::path const& file) {
  auto const copy = file.parent_path() / "copy.h5";
  std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
  try {
    return read_column(copy, "/steps", "step");
  } catch (std::runtime_error const&) {
    return {};
  }
}

// Waits until the condition holds, or half a minute.
template <class Condition>
void wait_for(Condition condition) {
  for (int tries = 0; tries < 3000 && !condition(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  REQUIRE(condition());
}

}  // namespace

TEST_CASE("what was recorded is in the file after close, in order, across many chunks") {
  TraceFolder const folder;
  auto const file = folder.path() / "rank.h5";
  constexpr std::int64_t num_steps = 1000;
  TraceWriter writer{file, RunInfo{.world_size = 8, .rank = 5}, {.step_chunk_rows = 7}};

  for (std::int64_t i = 0; i < num_steps; ++i) {
    writer.record(step_number(i));
  }
  writer.record(talus::io::RequestRecord{.index = 77});
  writer.record(talus::io::PreemptionRecord{.request = 78});
  writer.close();

  CHECK(writer.error().empty());
  CHECK(writer.dropped() == talus::io::DroppedCounts{});
  std::vector<std::int64_t> expected(num_steps);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(read_column(file, "/steps", "step") == expected);
  CHECK(read_column(file, "/steps", "rank") == std::vector<std::int64_t>(num_steps, 5));
  CHECK(read_column(file, "/requests", "index") == std::vector<std::int64_t>{77});
  CHECK(read_column(file, "/preemptions", "request") == std::vector<std::int64_t>{78});
  CHECK(read_attribute(file, "complete") == 1);
}

TEST_CASE("a file is readable while it is written, as of the last flush") {
  TraceFolder const folder;
  auto const file = folder.path() / "rank.h5";
  TraceWriter writer{file, RunInfo{}, {.flush_interval_s = 0.01}};

  writer.record(step_number(42));

  wait_for([&] { return !steps_on_disk(file).empty(); });
  CHECK(steps_on_disk(file) == std::vector<std::int64_t>{42});
}

TEST_CASE("what a full queue can't take is dropped and counted, in the file too") {
  TraceFolder const folder;
  auto const file = folder.path() / "rank.h5";
  constexpr std::int64_t num_steps = 200'000;
  TraceWriter writer{file, RunInfo{}, {.step_queue_capacity = 16}};

  for (std::int64_t i = 0; i < num_steps; ++i) {
    writer.record(step_number(i));
  }
  writer.close();

  auto const written = static_cast<std::int64_t>(read_column(file, "/steps", "step").size());
  CHECK(writer.dropped().steps > 0);
  CHECK(written > 0);
  CHECK(written + static_cast<std::int64_t>(writer.dropped().steps) == num_steps);
  CHECK(read_attribute(file, "dropped_steps") == static_cast<std::int64_t>(writer.dropped().steps));
}

TEST_CASE("a record after close is dropped, and a second close does nothing") {
  TraceFolder const folder;
  TraceWriter writer{folder.path() / "rank.h5", RunInfo{}};
  writer.close();

  writer.record(step_number(0));
  writer.close();

  CHECK(writer.dropped().steps == 1);
}

TEST_CASE("a file that can't be created is refused with its name and the reason") {
  TraceFolder const folder;
  auto const file = folder.path() / "missing" / "rank.h5";

  CHECK_THROWS_WITH((TraceWriter{file, RunInfo{}}),
                    Catch::Matchers::ContainsSubstring(file.string()) &&
                        Catch::Matchers::ContainsSubstring("No such file or directory"));
}

TEST_CASE("options out of range are refused") {
  TraceFolder const folder;
  auto const file = folder.path() / "rank.h5";
  auto const options = GENERATE(TraceOptions{.flush_interval_s = 0},
                                TraceOptions{.flush_interval_s = 1e9},
                                TraceOptions{.expert_interval_s = -1},
                                TraceOptions{.step_queue_capacity = 0},
                                TraceOptions{.request_chunk_rows = 0});

  CHECK_THROWS_AS((TraceWriter{file, RunInfo{}, options}), talus::ConfigError);
  CHECK_FALSE(std::filesystem::exists(file));
}

namespace {

// Makes every write to a file that this process has open fail from now on, as a broken disk does.
void break_file(std::filesystem::path const& file) {
  namespace fs = std::filesystem;
  for (auto const& entry : fs::directory_iterator{"/proc/self/fd"}) {
    std::error_code ignored;
    if (fs::read_symlink(entry.path(), ignored) == file) {
      int const read_only = open(file.c_str(), O_RDONLY | O_CLOEXEC);
      REQUIRE(dup2(read_only, std::stoi(entry.path().filename().string())) >= 0);
      close(read_only);
      return;
    }
  }
  FAIL(file.string() << " is not open");
}

}  // namespace

// HDF5 crashes at the end of a program that failed to close a file; this test's own end is part of
// it.
TEST_CASE("a disk that fails ends the trace, not the program, and what was flushed stays") {
  TraceFolder const folder;
  auto const file = folder.path() / "rank.h5";
  TraceWriter writer{file, RunInfo{}, {.flush_interval_s = 0.01, .step_chunk_rows = 4}};
  for (std::int64_t i = 0; i < 10; ++i) {
    writer.record(step_number(i));
  }
  wait_for([&] { return steps_on_disk(file).size() == 10; });

  break_file(file);
  for (std::int64_t i = 10; i < 30; ++i) {
    writer.record(step_number(i));
  }
  wait_for([&] { return !writer.error().empty(); });
  writer.record(step_number(30));
  writer.close();

  CHECK_THAT(writer.error(), Catch::Matchers::ContainsSubstring("Bad file descriptor"));
  CHECK(writer.dropped().steps == 21);
  CHECK(read_column(file, "/steps", "step").size() == 10);
  CHECK(read_attribute(file, "complete") == 0);
}
