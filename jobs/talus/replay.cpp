// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <span>

#include <CLI/CLI.hpp>

#include "io/requests/answers_hash.hpp"
#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/versions.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/batch_run.hpp"
#include "runtime/batch/run_manifest.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  std::string manifest;
  runtime::ModelOptions model;
  runtime::BatchOptions batch;
};

/// Options that don't decide answers, or that are another run's own: those of this command count.
constexpr std::array not_repeated{"--tensor-parallel-size",
                                  "--pipeline-parallel-size",
                                  "--data-parallel-size",
                                  "--expert-parallel-size",
                                  "--kv-cache-memory",
                                  "--num-gpu-blocks-override",
                                  "--comm",
                                  "--allow-shared-devices",
                                  "--enforce-eager",
                                  "--async-scheduling",
                                  "--threads",
                                  "--load-host-memory",
                                  "--model",
                                  "--input-file",
                                  "--output-file",
                                  "--overwrite",
                                  "--resume",
                                  "--save-partial-every",
                                  "--sync",
                                  "--trace",
                                  "--status",
                                  "--require-all-nodes"};

/// Options of a run that its repetition hasn't: it is compared when it is done, and not stopped.
constexpr std::array not_taken{"--time-limit", "--time-margin", "--dry-run"};

/// Options of which the run's choice counts where it was left open: another machine, or another
/// name of the model's folder, would lead to another one.
constexpr std::array chosen{"--backend", "--served-model-name"};

bool is_among(std::span<char const* const> names, std::string const& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What the run that is repeated had of an option; empty: what is chosen again is the same.
std::string value_of(std::string const& name,
                     std::string const& given,
                     runtime::RunManifest const& manifest) {
  if (!given.empty() && given != "auto") {
    return given;
  }
  for (auto const& [other, value] : manifest.identity) {
    if (other == name && is_among(chosen, name)) {
      return value;
    }
  }
  return {};
}

/// Gives the command the options of the run that is repeated, where the command line has none. If
/// the command line has one that decides answers, run_batch compares what it comes to.
void take_options(CLI::App& app, runtime::RunManifest const& manifest) {
  for (auto const& [name, given] : manifest.options) {
    std::string const value = value_of(name, given, manifest);
    CLI::Option* const option = app.get_option_no_throw(name);
    if (is_among(not_repeated, name) || value.empty() || option == nullptr || option->count() > 0) {
      continue;
    }
    option->add_result(value);
    option->run_callback();
  }
}

runtime::RunManifest prepare(CLI::App& app, Arguments& arguments) {
  runtime::RunManifest manifest = runtime::read_manifest(arguments.manifest);
  if (manifest.state != "done") {
    throw ConfigError{concat(arguments.manifest,
                             ": of a run that is ",
                             manifest.state,
                             " (only one that is done can be repeated)")};
  }
  take_options(app, manifest);
  if (arguments.model.model.empty()) {
    arguments.model.model = manifest.model.string();
  }
  if (arguments.batch.input.empty()) {
    arguments.batch.input = manifest.input.string();
  }
  if (arguments.batch.output.empty()) {
    arguments.batch.output = manifest.output.string() + ".replay.jsonl";
  }
  arguments.batch.time_limit = "none";
  return manifest;
}

/// Names the first answers that differ, if the ones of before are still there.
void tell_difference(io::AnswerHashes const& now, runtime::RunManifest const& manifest) {
  if (!std::filesystem::exists(manifest.output)) {
    return;
  }
  io::AnswerHashes const before = io::hash_answers(manifest.output);
  if (io::combine(before) != manifest.answers) {
    std::cout << manifest.output.string() << " was changed since\n";
    return;
  }
  constexpr int most_named = 10;
  int num_different = 0;
  for (auto const& [id, hash] : before) {
    auto const other = now.find(id);
    if ((other == now.end() || other->second != hash) && ++num_different <= most_named) {
      std::cout << "differs: " << id << '\n';
    }
  }
  std::cout << num_different << " of " << before.size() << " differ\n";
}

/// On rank 0. \return the exit code
int compare(Arguments const& arguments, runtime::RunManifest const& manifest) {
  io::AnswerHashes const now = io::hash_answers(arguments.batch.output);
  std::string const hash = io::combine(now);
  bool const is_same = hash == manifest.answers;
  std::cout << (is_same ? "the same" : "NOT the same") << ": " << now.size() << " answers in "
            << arguments.batch.output << ", xxh3 " << hash << '\n';
  if (!is_same) {
    std::cout << "before: " << manifest.num_answers << " answers and " << manifest.num_errors
              << " errors, xxh3 " << manifest.answers << '\n';
    tell_difference(now, manifest);
  }
  std::cout << std::flush;
  return is_same ? exit_done : exit_failed;
}

}  // namespace

Command add_replay(CLI::App& program) {
  CLI::App* const app = program.add_subcommand(
      "replay", "Repeat a run from its manifest, and say whether the answers are the same");
  auto const arguments = std::make_shared<Arguments>();
  app->add_option("manifest", arguments->manifest, "OUTPUT.run.json of a run that is done")
      ->required();
  add_model_options(*app, arguments->model);
  add_batch_options(*app, arguments->batch);
  for (char const* const name : not_taken) {
    app->remove_option(app->get_option(name));
  }
  return [app, arguments] {
    runtime::RunManifest const manifest = prepare(*app, *arguments);
    return run_on_ranks(
        arguments->model,
        [&](Console& console, runtime::RunStage& stage, kernels::KernelSession const&) {
          runtime::RunRecord const record{
              resolved_options(arguments->model, arguments->batch), versions(), manifest.identity};
          runtime::run_batch(
              MPI_COMM_WORLD, arguments->model, arguments->batch, record, {}, console, stage);
          return launcher_rank() == 0 ? compare(*arguments, manifest) : exit_done;
        },
        arguments->batch.require_all_nodes ? StartCheck::refuse : StartCheck::warn);
  };
}

}  // namespace talus::jobs
