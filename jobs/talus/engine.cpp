// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "jobs/talus/oversight.hpp"
#include "jobs/talus/stop_signals.hpp"
#include "jobs/talus/time_limit.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/api/engine_core.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/run_report.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  talus::Options engine;
  EngineStops stops;
  std::string config;
};

void check_given(Arguments const& arguments) {
  if (arguments.engine.model.empty()) {
    throw ConfigError{"--model: missing (the directory of a checkpoint)"};
  }
  check_limit(arguments.stops.time_limit, arguments.stops.time_margin);
}

/// On the rank that the engine speaks on, whatever its number.
void say(Console& console, talus::LogLevel level, std::string_view line) {
  switch (level) {
    case talus::LogLevel::info:
      return console.info(line);
    case talus::LogLevel::warning:
      return console.warn(line);
    case talus::LogLevel::error:
      return console.fail(line);
  }
}

/// One rank of the engine, from its first word to the last of all programs.
class EngineRank {
 public:
  EngineRank(Arguments& arguments, std::optional<double> hang_limit_s)
      : arguments_{&arguments}, hang_limit_s_{hang_limit_s} {}

  /// Serves the other programs of the launch until they are done. One that is told to stop while it
  /// waits for them to come, or loads, simply dies of that: nothing is lost yet.
  ///
  /// \return the exit code
  int serve() {
    talus::Options& options = arguments_->engine;
    options.log = [this](talus::LogLevel level, std::string_view line) {
      say(console_, level, line);
    };
    options.role = Role::engine;
    options.needs_clients = true;
    try {
      core_ = std::make_unique<api::EngineCore>(
          MPI_COMM_WORLD, options, [this](auto const& ranks) { return oversee(ranks); });
    } catch (ConfigError const&) {
      return exit_refused;  // on all ranks, of which one was told to say why
    } catch (NotBuiltError const&) {
      return exit_refused;
    }
    StopSignals const signals;
    control_.told_to_stop = [&signals] { return signals.received(); };
    say_first("the engine serves the other programs of this launch");
    std::string const reason = core_->serve(&control_);
    if (!reason.empty()) {
      say_first(concat("stopped: ", reason, ": requests without an answer were refused"));
    }
    core_->close();
    return reason.empty() ? exit_done : exit_stopped;
  }

  /// Ends the job for an error that the other ranks can't know of.
  [[noreturn]] void fail(std::exception const& error) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    console_.fail(concat("rank ", rank, ": ", error.what()));
    if (watchdog_) {
      watchdog_->log().set_status(parallel::RankStatus::failed);
    }
    parallel::abort_job(exit_failed);
  }

 private:
  /// As soon as the engine's ranks know each other: looks at how they were started, and who watches
  /// over them from now on.
  parallel::CallLog* oversee(parallel::Communicator const& ranks) {
    is_first_ = ranks.rank() == 0;
    parallel::LaunchFacts facts = parallel::read_launch_facts(parallel::process_launch_source());
    facts.size.reset();  // of all programs, as the nodes are, of which others may have some
    facts.num_nodes.reset();
    look_at_start(console_, StartCheck::warn, ranks, facts);
    if (is_first_) {
      control_.limit = job_limit(arguments_->stops.time_limit, arguments_->stops.time_margin);
      if (control_.limit) {
        runtime::report_limit(*control_.limit, console_);
      }
    }
    if (!hang_limit_s_) {
      return nullptr;
    }
    watchdog_ =
        watch(ranks.native(), *hang_limit_s_, "the engine (ranks are numbered among its own)");
    return &watchdog_->log();
  }

  void say_first(std::string_view line) {
    if (is_first_) {
      console_.info(line);
    }
  }

  Arguments* arguments_;
  std::optional<double> hang_limit_s_;
  Console console_{0, log_level()};  // which rank speaks is the engine's to choose
  bool is_first_ = false;            // of the engine
  runtime::RunControl control_;
  std::unique_ptr<parallel::Watchdog> watchdog_;
  std::unique_ptr<api::EngineCore> core_;
};

int run_engine(Arguments& arguments) {
  std::optional<double> const limit = hang_limit(arguments.stops.hang_timeout);
  parallel::MpiSession const mpi;
  EngineRank rank{arguments, limit};
  try {
    return rank.serve();
  } catch (std::exception const& error) {
    rank.fail(error);
  }
}

}  // namespace

Command add_engine(CLI::App& program) {
  CLI::App* const app =
      program.add_subcommand("engine", "Answer the requests of the other programs of a launch");
  auto const arguments = std::make_shared<Arguments>();
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    arguments->engine.backend = backend;
  }
  add_engine_options(*app, arguments->engine, arguments->stops);
  app->add_option("--config", arguments->config, "YAML file of options; the command line wins");
  return [app, arguments] {
    if (!arguments->config.empty()) {
      apply_config_file(*app, arguments->config);
    }
    check_given(*arguments);
    return run_engine(*arguments);
  };
}

}  // namespace talus::jobs
