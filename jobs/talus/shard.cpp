// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/versions.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/packed_save.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  runtime::ModelOptions model;
  runtime::PackedOutput output;
  std::string folder;
  std::string config;
};

}  // namespace

Command add_shard(CLI::App& program) {
  CLI::App* const app = program.add_subcommand(
      "shard", "Write the weights as the ranks of a grid have them in memory, to start from");
  auto const arguments = std::make_shared<Arguments>();
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    arguments->model.backend = backend;
  }
  add_model_options(*app, arguments->model);
  app->add_option("-o,--output", arguments->folder, "Folder to make, a model by itself");
  app->add_flag(
      "--overwrite", arguments->output.overwrite, "Replace a folder of packed weights that exists");
  app->add_option("--gpu-arch",
                  arguments->output.gpu_arch,
                  "GPUs to pack for on a machine without them, as nvcc names them: sm_90, for "
                  "instance (--backend cuda; needed with --gpu-matmul cublaslt)");
  app->add_option("--config", arguments->config, "YAML file of options; the command line wins");
  return [app, arguments] {
    if (!arguments->config.empty()) {
      apply_config_file(*app, arguments->config);
    }
    if (arguments->model.model.empty()) {
      throw ConfigError{"--model: missing (the directory of a checkpoint)"};
    }
    if (arguments->folder.empty()) {
      throw ConfigError{"--output: missing (the folder for the packed weights)"};
    }
    arguments->output.folder = arguments->folder;
    arguments->output.version = talus_number();
    return run_on_ranks(
        arguments->model, [&](Console& console, runtime::RunStage&, kernels::KernelSession const&) {
          runtime::save_packed(MPI_COMM_WORLD, arguments->model, arguments->output, console);
          return exit_done;
        });
  };
}

}  // namespace talus::jobs
