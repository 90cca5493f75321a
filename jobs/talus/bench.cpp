// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "jobs/talus/bench_report.hpp"
#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/versions.hpp"
#include "parallel/agree.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/bench_requests.hpp"
#include "runtime/model/family.hpp"

namespace talus::jobs {
namespace {

/// Options of both benchmarks.
struct CommonArguments {
  runtime::ModelOptions model;
  bool dummy_prefill = false;
  std::string output_json;
  std::string config;
};

struct LatencyArguments {
  CommonArguments common;
  runtime::LatencyShape shape;
  std::int32_t num_iters_warmup = 10;
  std::int32_t num_iters = 30;
};

struct ThroughputArguments {
  CommonArguments common;
  runtime::ThroughputShape shape;
  std::string dataset_name = "random";
};

void add_common(CLI::App& app, CommonArguments& common) {
  if (char const* const backend = std::getenv("TALUS_BACKEND")) {
    common.model.backend = backend;
  }
  add_model_options(app, common.model);
  app.add_flag("--dummy-prefill",
               common.dummy_prefill,
               "Don't compute prompts, but for their last step: to time decoding behind long ones");
  app.add_option("--output-json", common.output_json, "File for the results, in vLLM's form");
  app.add_option("--config", common.config, "YAML file of options; the command line wins");
}

/// An option with its default in the help.
template <class T>
void add(CLI::App& app, char const* flag, T& member, char const* help) {
  app.add_option(flag, member, help)->capture_default_str();
}

void check_common(CLI::App& app, CommonArguments& common) {
  if (!common.config.empty()) {
    apply_config_file(app, common.config);
  }
  if (common.model.model.empty()) {
    throw ConfigError{"--model: missing (a directory with a config.json)"};
  }
}

/// A benchmark on all ranks: requests, engine, measurements, and what rank 0 writes.
class BenchJob {
 public:
  BenchJob(CommonArguments const& common, kernels::KernelSession const& kernels)
      : common_{&common},
        world_{parallel::Communicator::duplicate(MPI_COMM_WORLD)},
        threads_{kernels.num_threads()} {
    common_model_ = common.model;
    parallel::run_and_agree(world_, [&] {
      spec_ = runtime::read_model_spec(common.model.model);
      if (is_root() && !common.output_json.empty()) {
        json_.open(common.output_json);
        if (!json_) {
          throw ConfigError{concat("--output-json: ", common.output_json, " (can't be written)")};
        }
      }
    });
  }

  /// Collective. Makes the engine for these requests.
  template <class Shape>
  void set_up(Shape const& shape, Console& console) {
    parallel::run_and_agree(world_, [&] {
      requests_ = runtime::make_requests(shape, spec_.vocab, common_model_.seed);
    });
    engine_.emplace(world_.native(), runtime::fitted_to(requests_, common_model_), console);
    engine_->check(requests_);
    if (common_->dummy_prefill) {
      engine_->skip_prompts();
    }
  }

  /// Collective. Not told of.
  void warm_up() { static_cast<void>(engine_->run(requests_)); }

  /// Collective. One run, and the limits before it.
  [[nodiscard]] Measurement measure() {
    // A device's limits are not the host's: those are told by talus_gpu_bench.
    bool const is_on_host = engine_->plan().device == nullptr;
    JobLimits const limits = is_on_host ? measure_limits(world_, threads_) : JobLimits{};
    return {limits, engine_->run(requests_)};
  }

  [[nodiscard]] BenchSetup setup() const {
    return {.threads = threads_,
            .quantization = common_->model.quantization,
            .load_format = common_->model.load_format,
            .has_dummy_prefill = common_->dummy_prefill,
            .versions = versions(),
            .unit_peaks = named_unit_peaks(threads_)};
  }

  [[nodiscard]] runtime::BenchEngine const& engine() const { return *engine_; }

  [[nodiscard]] bool is_root() const { return world_.rank() == 0; }

  [[nodiscard]] std::ostream* json() { return json_.is_open() ? &json_ : nullptr; }

 private:
  CommonArguments const* common_;
  runtime::ModelOptions common_model_;
  parallel::Communicator world_;
  int threads_;
  runtime::ModelSpec spec_;
  std::ofstream json_;
  runtime::BenchRequests requests_;
  std::optional<runtime::BenchEngine> engine_;
};

void check_iterations(LatencyArguments const& arguments) {
  if (arguments.num_iters < 1) {
    throw ConfigError{concat("--num-iters: ", arguments.num_iters, " (must be at least 1)")};
  }
  if (arguments.num_iters_warmup < 0) {
    throw ConfigError{
        concat("--num-iters-warmup: ", arguments.num_iters_warmup, " (must not be negative)")};
  }
}

int run_latency(LatencyArguments const& arguments,
                Console& console,
                runtime::RunStage& stage,
                kernels::KernelSession const& kernels) {
  BenchJob job{arguments.common, kernels};
  job.set_up(arguments.shape, console);
  stage = runtime::RunStage::working;
  for (std::int32_t i = 0; i < arguments.num_iters_warmup; ++i) {
    job.warm_up();
  }
  std::vector<Measurement> measurements;
  for (std::int32_t i = 0; i < arguments.num_iters; ++i) {
    measurements.push_back(job.measure());
    console.progress(concat("iteration ",
                            i + 1,
                            " of ",
                            arguments.num_iters,
                            ": ",
                            measurements.back().run.seconds,
                            " s"));
  }
  if (job.is_root()) {
    report_latency(job.engine(), measurements, job.setup(), job.json());
  }
  return exit_done;
}

void check_dataset(ThroughputArguments const& arguments) {
  if (arguments.dataset_name != "random") {
    throw ConfigError{concat("--dataset-name: ", arguments.dataset_name, " (allowed: random)")};
  }
  if (arguments.shape.input_len == 0) {
    throw ConfigError{"--input-len: missing (tokens of a prompt)"};
  }
  if (arguments.shape.output_len == 0) {
    throw ConfigError{"--output-len: missing (tokens of an answer)"};
  }
}

int run_throughput(ThroughputArguments const& arguments,
                   Console& console,
                   runtime::RunStage& stage,
                   kernels::KernelSession const& kernels) {
  BenchJob job{arguments.common, kernels};
  job.set_up(arguments.shape, console);
  stage = runtime::RunStage::working;
  Measurement const measurement = job.measure();
  if (job.is_root()) {
    auto const num_requests = static_cast<std::size_t>(arguments.shape.num_prompts);
    report_throughput(job.engine(), measurement, num_requests, job.setup(), job.json());
  }
  return exit_done;
}

Command add_latency(CLI::App& bench) {
  CLI::App* const app =
      bench.add_subcommand("latency", "Time one batch of requests, again and again");
  auto const arguments = std::make_shared<LatencyArguments>();
  add_common(*app, arguments->common);
  runtime::LatencyShape& shape = arguments->shape;
  add(*app, "--input-len", shape.input_len, "Tokens of a prompt");
  add(*app, "--output-len", shape.output_len, "Tokens of an answer");
  add(*app, "--batch-size", shape.batch_size, "Requests of the batch");
  add(*app, "--n", shape.n, "Answers of a request");
  add(*app, "--num-iters-warmup", arguments->num_iters_warmup, "Runs before those that are timed");
  add(*app, "--num-iters", arguments->num_iters, "Runs that are timed");
  return [app, arguments] {
    check_common(*app, arguments->common);
    check_iterations(*arguments);
    return run_on_ranks(
        arguments->common.model,
        [&](Console& console, runtime::RunStage& stage, kernels::KernelSession const& kernels) {
          return run_latency(*arguments, console, stage, kernels);
        });
  };
}

Command add_throughput(CLI::App& bench) {
  CLI::App* const app = bench.add_subcommand("throughput", "Time many requests, once");
  auto const arguments = std::make_shared<ThroughputArguments>();
  add_common(*app, arguments->common);
  runtime::ThroughputShape& shape = arguments->shape;
  add(*app, "--dataset-name", arguments->dataset_name, "Where requests come from: random");
  app->add_option("--input-len", shape.input_len, "Tokens of a prompt");
  app->add_option("--output-len", shape.output_len, "Tokens of an answer");
  add(*app,
      "--random-range-ratio",
      shape.range_ratio,
      "Lengths vary from (1 - ratio) to (1 + ratio) times those given");
  add(*app,
      "--prefix-len",
      shape.prefix_len,
      "Tokens that all prompts begin with, beside the rest");
  add(*app, "--num-prompts", shape.num_prompts, "Requests");
  add(*app, "--n", shape.n, "Answers of a request");
  return [app, arguments] {
    check_common(*app, arguments->common);
    check_dataset(*arguments);
    return run_on_ranks(
        arguments->common.model,
        [&](Console& console, runtime::RunStage& stage, kernels::KernelSession const& kernels) {
          return run_throughput(*arguments, console, stage, kernels);
        });
  };
}

}  // namespace

Command add_bench(CLI::App& program) {
  CLI::App* const app = program.add_subcommand(
      "bench", "Time the engine on made-up requests, with vLLM's options and results");
  app->require_subcommand(1);
  Command const latency = add_latency(*app);
  Command const throughput = add_throughput(*app);
  return [app, latency, throughput] {
    return app->got_subcommand("latency") ? latency() : throughput();
  };
}

}  // namespace talus::jobs
