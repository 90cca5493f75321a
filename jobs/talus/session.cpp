// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "parallel/agree.hpp"
#include "parallel/launcher.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/start_check.hpp"
#include "parallel/watchdog.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/core_share.hpp"

namespace talus::jobs {
namespace {

/// Says what of the allocation is wasted. \throws ConfigError  on all ranks, if that is refused
void look_at_start(Console& console, StartCheck check) {
  if (check == StartCheck::none) {
    return;
  }
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::StartReport const report =
      parallel::check_start(world, parallel::read_launch_facts(parallel::process_launch_source()));
  for (std::string const& warning : report.warnings) {
    console.warn(warning);
  }
  bool const refuses = check == StartCheck::refuse && !report.left_out.empty();
  if (!refuses && !report.left_out.empty()) {
    console.warn(report.left_out);
  }
  parallel::agree_or_throw(
      world,
      refuses ? std::optional{concat("--require-all-nodes: ", report.left_out)} : std::nullopt);
}

/// Says why the job hangs and ends it, by the system's means if MPI can't.
void end_hung_job(int rank, double limit_s, std::span<std::string const> lines) {
  std::jthread const last_resort{[] {
    constexpr auto patience = std::chrono::seconds{3};
    std::this_thread::sleep_for(patience);
    std::_Exit(exit_hung);
  }};
  if (!lines.empty()) {
    Console console{rank, LogLevel::error};
    console.fail(concat("the job hangs, and ends with exit code ",
                        exit_hung,
                        " (--hang-timeout ",
                        limit_s,
                        "); its ranks say:"));
    for (std::string const& line : lines) {
      console.fail(line);
    }
  }
  parallel::abort_job(exit_hung);
}

/// Seconds of --hang-timeout; none: nobody watches.
///
/// \throws ConfigError  naming what is allowed
std::optional<double> hang_limit(std::string_view text) {
  if (text == "none" || text == "0") {
    return std::nullopt;
  }
  double seconds = 0.0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double least = 1.0;
  constexpr double most = 1e6;
  if (error != std::errc{} || end != text.data() + text.size() ||
      !(seconds >= least && seconds <= most)) {
    throw ConfigError{
        concat("--hang-timeout: ", text, " (allowed: seconds from 1 to 1000000, 0, none)")};
  }
  return seconds;
}

/// What run_on_ranks does once MPI is there.
int work_on_rank(Console& console,
                 parallel::CallLog* calls,
                 int threads,
                 RankWork const& work,
                 StartCheck check) {
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{
        threads, runtime::core_share(parallel::Communicator::duplicate(MPI_COMM_WORLD))};
    look_at_start(console, check);
    return work(console, stage, kernels);
  } catch (ConfigError const& error) {
    if (stage == runtime::RunStage::setting_up) {
      if (console.rank() == 0) {
        console.fail(error.what());
      }
      return exit_refused;
    }
    console.fail(error.what());
  } catch (std::exception const& error) {
    console.fail(error.what());
  }
  if (calls != nullptr) {
    calls->set_status(parallel::RankStatus::failed);
  }
  parallel::abort_job(exit_failed);
}

}  // namespace

int run_on_ranks(int threads, RankWork const& work, StartCheck check) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  return work_on_rank(console, nullptr, threads, work, check);
}

int run_on_ranks(runtime::ModelOptions& options, RankWork const& work, StartCheck check) {
  std::optional<double> const limit = hang_limit(options.hang_timeout);
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  std::optional<parallel::Watchdog> watchdog;
  if (limit) {
    watchdog.emplace(MPI_COMM_WORLD, parallel::WatchdogOptions{*limit, [rank, &limit](auto lines) {
                                                                 end_hung_job(rank, *limit, lines);
                                                               }});
    options.calls = &watchdog->log();
    if (rank == 0 && !watchdog->sees_all()) {
      console.warn(
          "--hang-timeout: nodes can't ask each other (MPI has no MPI_THREAD_MULTIPLE): only what "
          "hangs on a node by itself is found");
    }
  }
  return work_on_rank(
      console,
      options.calls,
      options.threads,
      [&](Console& to, runtime::RunStage& stage, kernels::KernelSession const& kernels) {
        options.team = kernels.team();
        return work(to, stage, kernels);
      },
      check);
}

}  // namespace talus::jobs
