// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
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
#include "runtime/batch/workload.hpp"
#include "runtime/model/family.hpp"

namespace talus::jobs {
namespace {

/// One way to run the same requests.
struct Layout {
  int num_ranks = 1;
  runtime::ModelOptions options;
  std::string name;
};

struct Arguments {
  runtime::ModelOptions model;
  std::int32_t num_requests = 6;
  std::int32_t longest_prompt = 48;
  std::int32_t max_tokens = 12;
};

/// All grids of up to `num_ranks` ranks into which the model can be cut and that keep to the sizes
/// that the user gave.
std::vector<Layout> grids(Arguments const& arguments,
                          runtime::ModelSpec const& spec,
                          int num_ranks) {
  std::vector<Layout> layouts;
  auto const agrees = [](std::optional<int> given, int size) { return !given || *given == size; };
  runtime::ModelOptions const& given = arguments.model;
  for (int ranks = 1; ranks <= num_ranks; ++ranks) {
    for (int tp = 1; tp <= ranks; ++tp) {
      for (int pp = 1; tp * pp <= ranks; ++pp) {
        int const dp = ranks / (tp * pp);
        bool const fits = dp * pp * tp == ranks && spec.layers.front().attention.heads % tp == 0 &&
                          pp <= static_cast<int>(spec.layers.size());
        for (int ep = 1; fits && ep <= (spec.has_experts() ? dp * tp : 1); ++ep) {
          if (dp * tp % ep != 0 || !agrees(given.tensor_parallel_size, tp) ||
              !agrees(given.pipeline_parallel_size, pp) || !agrees(given.data_parallel_size, dp) ||
              !agrees(given.expert_parallel_size, ep)) {
            continue;
          }
          Layout layout{ranks, given, concat("dp ", dp, " pp ", pp, " tp ", tp, " ep ", ep)};
          layout.options.tensor_parallel_size = tp;
          layout.options.pipeline_parallel_size = pp;
          layout.options.data_parallel_size = dp;
          layout.options.expert_parallel_size = ep;
          layouts.push_back(std::move(layout));
        }
      }
    }
  }
  return layouts;
}

/// The first grid again with other batches, chunks, blocks, and so little memory that it preempts.
void add_variants(Arguments const& arguments, std::vector<Layout>& layouts) {
  Layout const base = layouts.front();
  auto const add = [&](std::string const& name, auto&& change) {
    Layout layout = base;
    layout.name += ", " + name;
    change(layout.options);
    layouts.push_back(std::move(layout));
  };
  add("one sequence at a time", [](auto& o) { o.max_num_seqs = 1; });
  add("chunks of 7 tokens", [](auto& o) { o.max_num_batched_tokens = 7; });
  add("blocks of 48 tokens", [](auto& o) { o.block_size = 48; });
  add("little memory", [&](auto& o) {
    o.kv_admission = "eager";
    o.max_num_seqs = 4;
    o.block_size = 16;
    o.max_model_len = arguments.longest_prompt + arguments.max_tokens;
  });
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// Runs the layouts one after another on the first ranks that each needs.
int compare(std::vector<Layout> const& layouts, runtime::Workload const& workload, int rank) {
  std::optional<std::pair<std::uint64_t, std::uint64_t>> expected;
  bool all_equal = true;
  for (Layout const& layout : layouts) {
    parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
    bool const takes_part = rank < layout.num_ranks;
    parallel::Communicator const group = world.split(takes_part ? 0 : 1, rank);
    if (!takes_part) {
      continue;
    }
    runtime::WorkloadResult const result =
        runtime::run_workload(group.native(), layout.options, workload);
    std::pair const hashes{result.token_hash(), result.logprob_hash()};
    bool const is_equal = !expected || *expected == hashes;
    expected = expected.value_or(hashes);
    all_equal = all_equal && is_equal;
    if (rank == 0) {
      std::cout << "tokens " << hex(hashes.first) << "  logprobs " << hex(hashes.second) << "  "
                << layout.name << (result.preemptions > 0 ? " (preempted)" : "")
                << (is_equal ? "" : "  DIFFERS") << std::endl;
    }
  }
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
    if (arguments->model.model.empty()) {
      throw ConfigError{"--model: missing (the directory of a checkpoint)"};
    }
    return run_on_ranks(arguments->model.threads, [&](Console&, runtime::RunStage&) {
      parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
      runtime::ModelSpec const spec = runtime::read_model_spec(arguments->model.model);
      std::vector<Layout> layouts = grids(*arguments, spec, world.size());
      if (layouts.empty()) {
        throw ConfigError{concat(
            "no grid of up to ", world.size(), " ranks has the sizes given and divides the model")};
      }
      add_variants(*arguments, layouts);
      runtime::Workload const workload = runtime::make_workload(spec,
                                                                arguments->num_requests,
                                                                arguments->longest_prompt,
                                                                arguments->max_tokens,
                                                                arguments->model.seed);
      int const differs = compare(layouts, workload, world.rank());
      return parallel::all_agree(world, differs == exit_done) ? exit_done : exit_failed;
    });
  };
}

}  // namespace talus::jobs
