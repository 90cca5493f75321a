// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/stop_signals.hpp"
#include "jobs/talus/time_limit.hpp"
#include "jobs/talus/versions.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/batch_run.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  runtime::ModelOptions model;
  runtime::BatchOptions batch;
  std::string config;
};

void check_given(Arguments const& arguments) {
  if (arguments.model.model.empty()) {
    throw ConfigError{"--model: missing (the directory of a checkpoint)"};
  }
  if (arguments.batch.dry_run) {
    return;
  }
  if (arguments.batch.input.empty()) {
    throw ConfigError{"--input-file: missing (a file of requests, or -)"};
  }
  if (arguments.batch.output.empty()) {
    throw ConfigError{"--output-file: missing (where the answers go)"};
  }
  check_limit(arguments.batch.time_limit, arguments.batch.time_margin);
}

/// What may end this run early. Before MPI is there.
runtime::RunControl make_control(runtime::BatchOptions const& batch, StopSignals const& signals) {
  runtime::RunControl control;
  control.told_to_stop = [&signals] { return signals.received(); };
  if (launcher_rank() == 0) {
    control.limit = job_limit(batch.time_limit, batch.time_margin);
  }
  return control;
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* const app = program.add_subcommand("run", "Answer a file of requests");
  auto const arguments = std::make_shared<Arguments>();
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    arguments->model.backend = backend;
  }
  add_model_options(*app, arguments->model);
  add_batch_options(*app, arguments->batch);
  app->add_option("--config", arguments->config, "YAML file of options; the command line wins");
  return [app, arguments] {
    if (!arguments->config.empty()) {
      apply_config_file(*app, arguments->config);
    }
    check_given(*arguments);
    StopSignals const signals;
    runtime::RunControl const control = make_control(arguments->batch, signals);
    return run_on_ranks(
        arguments->model,
        [&](Console& console, runtime::RunStage& stage, kernels::KernelSession const&) {
          runtime::RunRecord const record{resolved_options(arguments->model, arguments->batch),
                                          versions()};
          runtime::run_batch(
              MPI_COMM_WORLD, arguments->model, arguments->batch, record, control, console, stage);
          return stage == runtime::RunStage::stopped ? exit_stopped : exit_done;
        },
        arguments->batch.require_all_nodes ? StartCheck::refuse : StartCheck::warn);
  };
}

}  // namespace talus::jobs
