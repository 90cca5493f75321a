// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/input_index.hpp"
#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/prompts.hpp"
#include "runtime/batch/quantization_check.hpp"
#include "runtime/batch/workload.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  runtime::ModelOptions model;
  std::string input;
  std::string chat_template;
  std::int64_t num_prompts = 4;
  std::int64_t prompt_tokens = 128;
  bool check = false;
  bool json = false;
};

using Prompts = std::vector<std::vector<std::int32_t>>;

/// The first requests of a file as tokens, cut to length.
Prompts read_prompts(Arguments const& arguments, runtime::ModelSpec const& spec) {
  runtime::TextModel const text{arguments.model.model, arguments.chat_template};
  io::RequestReader reader{arguments.input, io::index_input(arguments.input)};
  Prompts prompts;
  for (io::InputLine const& line : reader.read(0, arguments.num_prompts)) {
    auto const request = io::parse_request(line.text, line.number, {});
    if (auto const* const error = std::get_if<io::RequestError>(&request)) {
      throw ConfigError{concat(arguments.input, ", line ", line.number, ": ", error->message)};
    }
    std::vector<std::int32_t> tokens = text.encode(std::get<io::Request>(request), spec.vocab);
    tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(arguments.prompt_tokens)));
    if (!tokens.empty()) {
      prompts.push_back(std::move(tokens));
    }
  }
  if (prompts.empty()) {
    throw ConfigError{concat("--input: ", arguments.input, " (no prompts in it)")};
  }
  return prompts;
}

/// Random tokens, where no text is given.
Prompts make_prompts(Arguments const& arguments, runtime::ModelSpec const& spec) {
  runtime::Workload const workload =
      runtime::make_workload(spec,
                             static_cast<std::int32_t>(arguments.num_prompts),
                             static_cast<std::int32_t>(arguments.prompt_tokens),
                             1,
                             arguments.model.seed);
  Prompts prompts;
  for (runtime::SequenceInput const& input : workload.sequences) {
    if (input.sample == 0) {
      prompts.push_back(input.prompt);
    }
  }
  return prompts;
}

/// What is quantised, in words.
struct Described {
  std::string weights;
  std::string kv_cache;
};

io::Json to_json(runtime::QuantizationCheck const& check, Described const& described) {
  io::Json matrices = io::Json::array();
  for (runtime::MatrixError const& matrix : check.matrices) {
    matrices.push_back({{"name", matrix.name},
                        {"format", name_of(matrix.format)},
                        {"elements", matrix.elements},
                        {"relative_rms", matrix.relative}});
  }
  runtime::LogitError const& logits = check.logits;
  return {{"quantization", described.weights},
          {"kv_cache_dtype", described.kv_cache},
          {"matrices", matrices},
          {"layers_relative_rms", check.layers},
          {"logits",
           {{"tokens", logits.tokens},
            {"rms", logits.root_mean_square},
            {"max", logits.largest},
            {"kl_divergence", logits.divergence},
            {"top1_agreement", logits.agreement}}}};
}

std::string scientific(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3e", value);
  return text.data();
}

void print(runtime::QuantizationCheck const& check, Described const& described) {
  std::cout << "weights      " << described.weights << '\n';
  std::cout << "KV cache     " << described.kv_cache << '\n';
  for (runtime::MatrixError const& matrix : check.matrices) {
    std::cout << "matrix       " << scientific(matrix.relative) << "  " << matrix.name << " ("
              << name_of(matrix.format) << ", " << matrix.elements << " elements)\n";
  }
  for (std::size_t i = 0; i < check.layers.size(); ++i) {
    std::cout << "layer        " << scientific(check.layers[i]) << "  output of layer " << i
              << '\n';
  }
  runtime::LogitError const& logits = check.logits;
  std::cout << "logits       " << scientific(logits.root_mean_square) << "  r.m.s., over "
            << logits.tokens << " tokens\n"
            << "             " << scientific(logits.largest) << "  largest\n"
            << "             " << scientific(logits.divergence) << "  KL divergence, nats a token\n"
            << "             " << scientific(logits.agreement)
            << "  share of tokens with the same likeliest next one\n";
}

void check(Arguments const& arguments) {
  if (arguments.model.model.empty()) {
    throw ConfigError{"--model: missing (the directory of a checkpoint)"};
  }
  if (!arguments.check) {
    throw ConfigError{
        "--check: missing (what `talus quantize` does; to run a quantised model, give "
        "`talus run` the same --quantization)"};
  }
  for (auto const& [flag, value] : {std::pair{"--num-prompts", arguments.num_prompts},
                                    std::pair{"--prompt-tokens", arguments.prompt_tokens}}) {
    if (value < 1 || value > 65536) {
      throw ConfigError{concat(flag, ": ", value, " (from 1 to 65536)")};
    }
  }
}

int quantize(Arguments const& arguments) {
  runtime::ModelPlan const plan = runtime::plan_model(MPI_COMM_WORLD, arguments.model);
  if (plan.shape.dp * plan.shape.pp * plan.shape.tp != 1) {
    throw ConfigError{"talus quantize: several ranks (it runs on one)"};
  }
  bool const has_codes = plan.spec.quantization.has_value();
  // A cache that is as the weights are is no quantised one: the comparison is of weights then.
  bool const has_kv_codes = size_of(plan.kv_dtype) == 1;
  if (!has_codes && !plan.weights.quantize_to && !has_kv_codes) {
    throw ConfigError{concat("--quantization: ",
                             arguments.model.quantization,
                             " (nothing would be quantised; name a format, or a --kv-cache-dtype "
                             "of int8 or fp8)")};
  }
  Prompts const prompts = arguments.input.empty() ? make_prompts(arguments, plan.spec)
                                                  : read_prompts(arguments, plan.spec);
  runtime::QuantizationCheck const found =
      runtime::check_quantization({plan.exec,
                                   plan.spec,
                                   has_codes ? DType::f32 : plan.dtype,
                                   plan.weights,
                                   has_kv_codes ? plan.kv_dtype : DType::f32},
                                  io::Checkpoint::open(arguments.model.model),
                                  prompts);
  Described const described{runtime::describe(plan.weights, plan.spec.quantization),
                            name_of(has_kv_codes ? plan.kv_dtype : DType::f32)};
  if (arguments.json) {
    std::cout << to_json(found, described).dump(2) << '\n';
  } else {
    print(found, described);
  }
  std::cout << std::flush;
  return exit_done;
}

}  // namespace

Command add_quantize(CLI::App& program) {
  CLI::App* const app = program.add_subcommand(
      "quantize",
      "Tell what quantised weights or KV caches do to a model: its matrices, layers and logits");
  auto const arguments = std::make_shared<Arguments>();
  add_model_options(*app, arguments->model);
  app->add_flag("--check", arguments->check, "Compare with the model as it is not quantised");
  app->add_option(
      "-i,--input", arguments->input, "Requests whose prompts are run; none: random tokens");
  app->add_option("--chat-template", arguments->chat_template, "File; none: the model's own");
  app->add_option("--num-prompts", arguments->num_prompts, "Prompts to run")->capture_default_str();
  app->add_option("--prompt-tokens", arguments->prompt_tokens, "Tokens of a prompt at most")
      ->capture_default_str();
  app->add_flag("--json", arguments->json, "One JSON object instead of lines");
  return [arguments] {
    check(*arguments);
    return run_on_ranks(arguments->model,
                        [&](Console&, runtime::RunStage&, kernels::KernelSession const&) {
                          return quantize(*arguments);
                        });
  };
}

}  // namespace talus::jobs
