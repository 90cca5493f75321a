// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/trace/master_file.hpp"
#include "io/trace/trace_writer.hpp"

#include "tests/io/trace_files.hpp"
#include "tests/support/catch.hpp"

namespace {

using talus::io::RunInfo;
using talus::io::TraceWriter;

// Writes until it is killed: small chunks and a flush a millisecond, so that the kill hits a write.
[[noreturn]] void write_forever(std::filesystem::path const& file, std::atomic<bool>& is_open) {
  RunInfo const run{.moe_layers = {1, 2}, .num_experts = 4};
  TraceWriter writer{file,
                     run,
                     {.flush_interval_s = 0.001,
                      .expert_interval_s = 0.002,
                      .step_chunk_rows = 8,
                      .request_chunk_rows = 4}};
  is_open = true;
  constexpr std::array<std::int32_t, 4> tokens{1, 2, 3, 4};
  for (std::int64_t i = 0;; ++i) {
    writer.record(step_number(i));
    writer.record(talus::io::RequestRecord{.index = i});
    writer.count_expert_tokens(1, tokens);
    std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
}

// A flag that a child process shares with its parent.
class SharedFlag {
 public:
  SharedFlag()
      : flag_{new (mmap(nullptr,
                        sizeof(std::atomic<bool>),
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS,
                        -1,
                        0)) std::atomic<bool>{false}} {}

  ~SharedFlag() { munmap(flag_, sizeof(*flag_)); }

  SharedFlag(SharedFlag const&) = delete;
  SharedFlag& operator=(SharedFlag const&) = delete;

  std::atomic<bool>& operator*() { return *flag_; }

 private:
  std::atomic<bool>* flag_;
};

// Starts a writer in a process of its own, and kills it some time after it has opened its file.
void write_and_kill(std::filesystem::path const& file, std::chrono::microseconds delay) {
  SharedFlag is_open;
  pid_t const child = fork();
  if (child == 0) {
    write_forever(file, *is_open);
  }
  while (!*is_open) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(delay);
  kill(child, SIGKILL);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

bool counts_from_zero(std::vector<std::int64_t> const& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != static_cast<std::int64_t>(i)) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("a file whose writer was killed opens, and has the rows flushed until then") {
  constexpr int num_kills = 25;
  std::mt19937 random{20240117};
  std::uniform_int_distribution<int> delay_us{0, 60'000};
  std::size_t most_rows = 0;

  for (int i = 0; i < num_kills; ++i) {
    TraceFolder const folder;
    auto const file = folder.path() / "rank.h5";
    int const delay = delay_us(random);
    INFO("killed after " << delay << " us");

    write_and_kill(file, std::chrono::microseconds{delay});

    auto const steps = read_column(file, "/steps", "step");
    CHECK(counts_from_zero(steps));
    CHECK(counts_from_zero(read_column(file, "/requests", "index")));
    CHECK_NOTHROW(read_column(file, "/experts/intervals", "rank"));
    CHECK(read_attribute(file, "complete") == 0);
    // What was recorded 20 ms before the kill was flushed, 20 intervals ago.
    if (delay > 40'000) {
      CHECK(!steps.empty());
    }
    most_rows = std::max(most_rows, steps.size());
  }
  CHECK(most_rows > 16);  // so that chunks were added
}
