// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/batch/run_control.hpp"

namespace talus::jobs {

/// How much time a job has, and who says so.
struct TimeLeft {
  std::chrono::seconds left{};
  std::string source;  ///< for people: "Slurm", "--time-limit"
};

/// What a scheduler's environment and programs say. Tests put recorded ones in their place.
struct SchedulerAccess {
  /// A variable of the environment; null: not set.
  std::function<char const*(char const* name)> variable;
  /// What a program prints; none if it isn't there, fails, or takes longer than some seconds.
  std::function<std::optional<std::string>(std::vector<std::string> const& command)> output_of;
  std::function<std::chrono::system_clock::time_point()> now;
};

/// The environment and the programs of this machine.
[[nodiscard]] SchedulerAccess real_access();

/// What `--time-limit` comes to: of a time, that one; of `auto`, what Slurm, PBS or Flux says of
/// the job that this process is in; none if there is no limit.
///
/// Slurm: SLURM_JOB_END_TIME (Slurm 23.02 on), else `squeue`. PBS: `qstat -f`, the walltime from
/// the job's start on (or Torque's remaining time). Flux: `flux job timeleft`.
/// \throws ConfigError  if it is no time
[[nodiscard]] std::optional<TimeLeft> time_left(std::string const& time_limit,
                                                SchedulerAccess const& access);

/// \throws ConfigError  if --time-limit or --time-margin is not what it may be
void check_limit(std::string const& time_limit, double margin_s);

/// When this process's job ends, and everything is to be closed; none: nobody ends it.
///
/// \param time_limit, margin_s  as check_limit takes them
[[nodiscard]] std::optional<runtime::TimeLimit> job_limit(std::string const& time_limit,
                                                          double margin_s);

/// A duration as batch systems write it: [D-]HH:MM:SS, MM:SS; none: something else.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace talus::jobs
