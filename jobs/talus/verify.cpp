// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/session.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/layouts.hpp"
#include "runtime/batch/packed_options.hpp"
#include "runtime/model/family.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  runtime::ModelOptions model;
  std::int32_t num_requests = 6;
  std::int32_t longest_prompt = 48;
  std::int32_t max_tokens = 12;
};

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// Every grid of up to all ranks, smallest first, and variants of the first and the last.
std::vector<runtime::Layout> layouts_of(runtime::ModelOptions options,
                                        std::int64_t longest,
                                        runtime::ModelSpec const& spec,
                                        int num_ranks) {
  options.max_model_len = options.max_model_len.value_or(longest);
  std::vector<runtime::Layout> layouts;
  for (int ranks = 1; ranks <= num_ranks; ++ranks) {
    std::vector<runtime::Layout> const grids = runtime::grids_of(options, spec, ranks);
    layouts.insert(layouts.end(), grids.begin(), grids.end());
  }
  if (layouts.empty()) {
    throw ConfigError{
        concat("no grid of up to ", num_ranks, " ranks has the sizes given and divides the model")};
  }
  std::vector<runtime::Layout> ends{layouts.front()};
  if (layouts.size() > 1) {
    ends.push_back(layouts.back());
  }
  for (runtime::Layout const& end : ends) {
    std::vector<runtime::Layout> const variants = runtime::variants_of(end, spec, longest);
    layouts.insert(layouts.end(), variants.begin(), variants.end());
  }
  return layouts;
}

/// Refuses a comparison of nothing.
void check(Arguments const& arguments) {
  if (arguments.model.model.empty()) {
    throw ConfigError{"--model: missing (the directory of a checkpoint)"};
  }
  auto const at_least_one = [](char const* flag, std::int32_t value) {
    if (value < 1) {
      throw ConfigError{concat(flag, ": ", value, " (must be at least 1)")};
    }
  };
  at_least_one("--num-requests", arguments.num_requests);
  at_least_one("--longest-prompt", arguments.longest_prompt);
  at_least_one("--max-tokens", arguments.max_tokens);
}

int verify(Arguments const& arguments) {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  runtime::ModelSpec const spec = runtime::read_model_spec(arguments.model.model);
  runtime::ModelOptions const options = runtime::resolve_options(world, arguments.model);
  std::vector<runtime::Layout> const layouts =
      layouts_of(options, arguments.longest_prompt + arguments.max_tokens, spec, world.size());
  runtime::Workload const workload = runtime::make_workload(spec,
                                                            arguments.num_requests,
                                                            arguments.longest_prompt,
                                                            arguments.max_tokens,
                                                            arguments.model.seed);
  std::optional<runtime::LayoutHashes> expected;
  bool all_equal = true;
  runtime::run_layouts(world,
                       layouts,
                       workload,
                       [&](runtime::Layout const& layout, runtime::LayoutHashes const& hashes) {
                         expected = expected.value_or(hashes);
                         bool const is_equal = expected->equals(hashes);
                         all_equal = all_equal && is_equal;
                         if (world.rank() == 0) {
                           std::cout << "tokens " << hex(hashes.tokens) << "  logprobs "
                                     << hex(hashes.logprobs) << "  " << layout.name
                                     << (hashes.preemptions > 0 ? " (preempted)" : "")
                                     << (is_equal ? "" : "  DIFFERS") << std::endl;
                         }
                       });
  return all_equal ? exit_done : exit_failed;
}

}  // namespace

Command add_verify(CLI::App& program) {
  CLI::App* const app = program.add_subcommand(
      "verify", "Run the same requests in every layout that fits the ranks, and compare the bits");
  auto const arguments = std::make_shared<Arguments>();
  add_model_options(*app, arguments->model);
  app->add_option("--num-requests", arguments->num_requests, "Requests of random tokens")
      ->capture_default_str();
  app->add_option("--longest-prompt", arguments->longest_prompt, "Tokens")->capture_default_str();
  app->add_option("--max-tokens", arguments->max_tokens, "New tokens of each request")
      ->capture_default_str();
  return [arguments] {
    check(*arguments);
    return run_on_ranks(arguments->model,
                        [&](Console&, runtime::RunStage&, kernels::KernelSession const&) {
                          return verify(*arguments);
                        });
  };
}

}  // namespace talus::jobs
