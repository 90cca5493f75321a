// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "jobs/doctor/examine.hpp"
#include "jobs/doctor/findings.hpp"
#include "jobs/doctor/report_json.hpp"
#include "jobs/doctor/report_text.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/versions.hpp"
#include "kernels/targets.hpp"
#include "parallel/agree.hpp"
#include "parallel/launcher.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  std::string model;
  std::string output_json;
  bool json = false;
  int threads = 0;
  std::string backend;
};

/// What this rank sees of the GPUs that runs with a backend need; nothing if they need none.
///
/// \throws ConfigError  if there is no such backend
std::optional<kernels::cuda::Devices> visible_cards(std::string const& backend) {
  if (backend == name_of(kernels::Backend::cuda)) {
    return kernels::visible_devices(kernels::Backend::cuda);
  }
  if (!backend.empty() && backend != "auto") {
    static_cast<void>(kernels::backend_from(backend));
  }
  return std::nullopt;
}

/// On rank 0: an examination must not end with a file that can't be written.
std::ofstream open_output(std::string const& file) {
  std::ofstream out;
  if (!file.empty()) {
    out.open(file);
    if (!out) {
      throw ConfigError{concat("--output-json: ", file, " (can't be written)")};
    }
  }
  return out;
}

int run_doctor(Arguments const& arguments,
               parallel::LaunchFacts const& launch,
               kernels::KernelSession const& kernels) {
  auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::ofstream file;
  std::optional<kernels::cuda::Devices> cards;
  parallel::run_and_agree(world, [&] {
    cards = visible_cards(arguments.backend);
    if (world.rank() == 0) {
      file = open_output(arguments.output_json);
    }
  });
  doctor::Report report = doctor::examine(MPI_COMM_WORLD,
                                          {.checkpoint = arguments.model,
                                           .threads = kernels.num_threads(),
                                           .launch = launch,
                                           .cards = std::move(cards)});
  if (world.rank() != 0) {
    return exit_done;
  }
  report.versions = all_versions();
  std::vector<doctor::Finding> const findings = doctor::findings_of(report);
  if (!arguments.json) {
    std::cout << doctor::to_text(report, findings) << std::flush;
  }
  std::string const json = doctor::to_json(report, findings).dump(2) + '\n';
  if (arguments.json) {
    std::cout << json << std::flush;
  }
  if (file.is_open() && !(file << json << std::flush)) {
    throw Error{concat(arguments.output_json, ": can't be written")};
  }
  return exit_done;
}

}  // namespace

Command add_doctor(CLI::App& program) {
  CLI::App* const app =
      program.add_subcommand("doctor", "Measure the machine, and say what looks wrong");
  auto const arguments = std::make_shared<Arguments>();
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    arguments->backend = backend;
  }
  app->add_option("--model,--model-path",
                  arguments->model,
                  "Directory of a checkpoint, to measure how fast it can be read");
  app->add_flag("--json", arguments->json, "One JSON object instead of tables");
  app->add_option("--output-json", arguments->output_json, "File for the JSON, beside the tables");
  app->add_option("--backend",
                  arguments->backend,
                  "Kernels of the runs to come; of cuda, to look at the GPUs of the ranks");
  app->add_option("--threads", arguments->threads, "Threads of a rank; 0: its share of the cores");
  return [arguments] {
    parallel::LaunchFacts const launch =
        parallel::read_launch_facts(parallel::process_launch_source());
    return run_on_ranks(
        arguments->threads,
        [&](Console&, runtime::RunStage&, kernels::KernelSession const& kernels) {
          return run_doctor(*arguments, launch, kernels);
        },
        StartCheck::none);
  };
}

}  // namespace talus::jobs
