// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/oversight.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <span>
#include <system_error>
#include <thread>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "parallel/agree.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/start_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

/// How long a launcher may take to pass on what was said: some end a job with what they hold of it.
constexpr std::chrono::milliseconds passing_on{200};

/// Says why the ranks hang and ends the job, by the system's means if MPI can't.
///
/// \param lines  empty: another rank says it, and should have done so before the job ends
void end_hung_job(std::string const& whom, double limit_s, std::span<std::string const> lines) {
  std::jthread const last_resort{[] {
    constexpr auto patience = std::chrono::seconds{3};
    std::this_thread::sleep_for(patience);
    std::_Exit(exit_hung);
  }};
  if (!lines.empty()) {
    Console console{0, LogLevel::error};
    console.fail(concat(whom,
                        " hangs, and ends with exit code ",
                        exit_hung,
                        " (--hang-timeout ",
                        limit_s,
                        "); its ranks say:"));
    for (std::string const& line : lines) {
      console.fail(line);
    }
  }
  std::this_thread::sleep_for(lines.empty() ? 3 * passing_on : passing_on);
  parallel::abort_job(exit_hung);
}

}  // namespace

void look_at_start(Console& console,
                   StartCheck check,
                   parallel::Communicator const& ranks,
                   parallel::LaunchFacts const& facts) {
  parallel::StartReport const report = parallel::check_start(ranks, facts);
  for (std::string const& warning : report.warnings) {
    console.warn(warning);
  }
  bool const refuses = check == StartCheck::refuse && !report.left_out.empty();
  if (!refuses && !report.left_out.empty()) {
    console.warn(report.left_out);
  }
  parallel::agree_or_throw(
      ranks,
      refuses ? std::optional{concat("--require-all-nodes: ", report.left_out)} : std::nullopt);
}

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

std::unique_ptr<parallel::Watchdog> watch(MPI_Comm comm, double limit_s, std::string const& whom) {
  auto watchdog = std::make_unique<parallel::Watchdog>(
      comm, parallel::WatchdogOptions{limit_s, [whom, limit_s](auto lines) {
                                        end_hung_job(whom, limit_s, lines);
                                      }});
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  if (rank == 0 && !watchdog->sees_all()) {
    Console{rank, log_level()}.warn(
        "--hang-timeout: nodes can't ask each other (MPI has no MPI_THREAD_MULTIPLE): only what "
        "hangs on a node by itself is found");
  }
  return watchdog;
}

}  // namespace talus::jobs
