// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/time_limit.hpp"

#include <map>

#include "jobs/talus/program_output.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::jobs;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;
using std::chrono::seconds;

namespace {

std::chrono::system_clock::time_point at(std::int64_t unix_time) {
  return std::chrono::system_clock::time_point{seconds{unix_time}};
}

/// An environment and programs as they were recorded.
struct Recording {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> outputs;  ///< by the command line
  std::int64_t now = 1'764'396'000;

  [[nodiscard]] SchedulerAccess access() const {
    return {.variable = [this](char const* name) -> char const* {
              auto const found = variables.find(name);
              return found == variables.end() ? nullptr : found->second.c_str();
            },
            .output_of =
                [this](std::vector<std::string> const& command) {
                  std::string line;
                  for (std::string const& word : command) {
                    line += (line.empty() ? "" : " ") + word;
                  }
                  auto const found = outputs.find(line);
                  return found == outputs.end() ? std::nullopt : std::optional{found->second};
                },
            .now = [this] { return at(now); }};
  }
};

constexpr char const* squeue = "squeue --noheader --format=%L --jobs 4711";

/// What OpenPBS prints of a running job; lines that say nothing here are left out.
std::string openpbs_job(std::int64_t start) {
  std::time_t const time = start;
  std::string date = std::ctime(&time);
  date.pop_back();
  return "Job Id: 12.pbs\n    Job_Name = talus\n    resources_used.walltime = 00:00:10\n"
         "    job_state = R\n    Resource_List.ncpus = 4\n    Resource_List.walltime = 01:30:00\n"
         "    stime = " +
         date + "\n    obittime = later\n";
}

}  // namespace

TEST_CASE("durations are read as batch systems write them") {
  CHECK(parse_duration("01:02:03") == seconds{3723});
  CHECK(parse_duration("120:00:00") == seconds{432'000});
  CHECK(parse_duration("2-03:00:01") == seconds{183'601});
  CHECK(parse_duration("5:30") == seconds{330});
  for (char const* const text : {"",
                                 "5",
                                 "1:60",
                                 "1:60:00",
                                 "-1:00",
                                 "1:-1",
                                 "a:00",
                                 "1:2:3:4",
                                 "1-05:00",
                                 "1:00 ",
                                 ":",
                                 "UNLIMITED",
                                 "99999999999:00"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("a limit of one's own is taken, whatever the scheduler says") {
  Recording const slurm{{{"SLURM_JOB_ID", "4711"}}, {{squeue, "59:00\n"}}};
  auto const left = time_left("00:10:00", slurm.access());
  REQUIRE(left);
  CHECK(left->left == seconds{600});
  CHECK(left->source == "--time-limit");
  CHECK_FALSE(time_left("none", slurm.access()));
  CHECK_THROWS_WITH(time_left("10", slurm.access()),
                    ContainsSubstring("--time-limit: 10") && ContainsSubstring("HH:MM:SS"));
}

TEST_CASE("Slurm says when its job ends") {
  Recording slurm{{{"SLURM_JOB_ID", "4711"}, {"SLURM_JOB_END_TIME", "1764396090"}}, {}};
  CHECK(time_left("auto", slurm.access())->left == seconds{90});
  slurm.variables.erase("SLURM_JOB_END_TIME");
  CHECK_FALSE(time_left("auto", slurm.access()));  // squeue isn't there
  slurm.outputs[squeue] = "1-00:00:10\n";
  CHECK(time_left("auto", slurm.access())->left == seconds{86'410});
  CHECK(time_left("auto", slurm.access())->source == "Slurm");
  slurm.outputs[squeue] = "UNLIMITED\n";
  CHECK_FALSE(time_left("auto", slurm.access()));
}

TEST_CASE("PBS says when its job ends") {
  Recording pbs{{{"PBS_JOBID", "12.pbs"}}, {}};
  pbs.outputs["qstat -f 12.pbs"] = openpbs_job(pbs.now - 600);
  CHECK(time_left("auto", pbs.access())->left == seconds{5400 - 600});
  CHECK(time_left("auto", pbs.access())->source == "PBS");
  pbs.outputs["qstat -f 12.pbs"] = "Job Id: 12.pbs\n    Walltime.Remaining = 3593\n";
  CHECK(time_left("auto", pbs.access())->left == seconds{3593});
  pbs.outputs["qstat -f 12.pbs"] = "Job Id: 12.pbs\n    job_state = R\n";
  CHECK_FALSE(time_left("auto", pbs.access()));
}

TEST_CASE("Flux says when its job ends, also inside of Slurm's") {
  Recording flux{{{"FLUX_JOB_ID", "f2Rk"}, {"SLURM_JOB_ID", "4711"}}, {}};
  flux.outputs["flux job timeleft"] = "1799.9\n";
  CHECK(time_left("auto", flux.access())->left == seconds{1799});
  CHECK(time_left("auto", flux.access())->source == "Flux");
  flux.outputs["flux job timeleft"] = "inf\n";
  flux.outputs[squeue] = "10:00\n";
  CHECK(time_left("auto", flux.access())->source == "Slurm");
}

TEST_CASE("without a scheduler there is no limit") {
  CHECK_FALSE(time_left("auto", Recording{}.access()));
}

TEST_CASE("what a program prints is read, if it does so in time") {
  auto const patience = std::chrono::milliseconds{20'000};
  CHECK(program_output({"echo", "a b"}, patience) == "a b\n");
  CHECK(program_output({"sh", "-c", "cat; echo done"}, patience) == "done\n");  // nothing to read
  CHECK_FALSE(program_output({"no-such-program-here"}, patience));
  CHECK_FALSE(program_output({"sh", "-c", "echo half; exit 3"}, patience));
  CHECK_FALSE(program_output({"sleep", "30"}, std::chrono::milliseconds{50}));
}
