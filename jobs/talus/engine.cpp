// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/talus/engine.hpp"

#include <cstdlib>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "jobs/talus/stop_signals.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  talus::Options engine;
  std::string config;
};

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

/// Serves the other programs of the launch until they are done. One that is told to stop while it
/// waits for them to come, or loads, simply dies of that: nothing is lost yet.
int serve(talus::Options& options, Console& console) {
  bool speaks = false;
  options.log = [&](talus::LogLevel level, std::string_view line) {
    speaks = true;
    say(console, level, line);
  };
  options.role = Role::engine;
  options.needs_clients = true;
  std::optional<Engine> engine;
  try {
    engine.emplace(MPI_COMM_WORLD, options);
  } catch (EngineError const& error) {
    if (error.code() != ErrorCode::invalid) {
      throw;
    }
    return exit_refused;  // on all ranks, of which one was told to say why
  }
  StopSignals const signals;
  if (speaks) {
    console.info("the engine serves the other programs of this launch");
  }
  bool const is_stopped = engine->serve([&] { return !signals.received().empty(); });
  if (is_stopped && speaks) {
    console.info("stopped by a signal: requests without an answer were refused");
  }
  engine->close();
  return is_stopped ? exit_stopped : exit_done;
}

int run_engine(talus::Options& options) {
  parallel::MpiSession const mpi;
  Console console{0, log_level()};  // where it speaks is the engine's to choose
  try {
    return serve(options, console);
  } catch (std::exception const& error) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    console.fail(concat("rank ", rank, ": ", error.what()));
  }
  parallel::abort_job(exit_failed);
}

}  // namespace

Command add_engine(CLI::App& program) {
  CLI::App* const app =
      program.add_subcommand("engine", "Answer the requests of the other programs of a launch");
  auto const arguments = std::make_shared<Arguments>();
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    arguments->engine.backend = backend;
  }
  add_engine_options(*app, arguments->engine);
  app->add_option("--config", arguments->config, "YAML file of options; the command line wins");
  return [app, arguments] {
    if (!arguments->config.empty()) {
      apply_config_file(*app, arguments->config);
    }
    if (arguments->engine.model.empty()) {
      throw ConfigError{"--model: missing (the directory of a checkpoint)"};
    }
    return run_engine(arguments->engine);
  };
}

}  // namespace talus::jobs
