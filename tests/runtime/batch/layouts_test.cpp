// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/layouts.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "kernels/session.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int32_t longest_prompt = 40;
constexpr std::int32_t max_tokens = 20;
constexpr std::int32_t longest_window = 40;  // of the checkpoints with windows

/// Long enough that windows move on.
std::int32_t longest_prompt_of(ModelSpec const& spec) {
  bool const has_windows =
      std::any_of(spec.layers.begin(), spec.layers.end(), [](LayerSpec const& layer) {
        return layer.attention.window > 0;
      });
  return has_windows ? longest_prompt + longest_window : longest_prompt;
}

ModelOptions options_of(std::string const& name, std::string const& dtype) {
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.dtype = dtype;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 64;
  return options;
}

/// All checkpoints of the tests' data, by name.
std::vector<std::string> checkpoints() {
  std::vector<std::string> names;
  for (auto const& entry :
       std::filesystem::directory_iterator{std::string{TALUS_TEST_DATA} + "/models"}) {
    if (std::filesystem::exists(entry.path() / "config.json")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());  // the same on all ranks
  return names;
}

/// One rank by itself first, then every grid of all ranks, then variants of the first and last of
/// them.
std::vector<Layout> layouts_to_compare(ModelOptions const& options,
                                       ModelSpec const& spec,
                                       int num_ranks) {
  std::vector<Layout> layouts = grids_of(options, spec, 1);
  std::vector<Layout> const grids = grids_of(options, spec, num_ranks);
  if (num_ranks > 1) {
    layouts.insert(layouts.end(), grids.begin(), grids.end());
  }
  for (Layout const& layout : variants_of(grids.back(), spec, *options.max_model_len)) {
    layouts.push_back(layout);
  }
  return layouts;
}

}  // namespace

TEST_CASE("tokens and log-probabilities are the same bits in every layout") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE(
      "llama3", "qwen3_moe", "deepseek_v3", "deepseek_v3_noq", "mistral", "gemma3_text", "gpt_oss");
  std::string const dtype = GENERATE("float32", "bfloat16");
  if (world.size() > 4 && dtype == "bfloat16") {
    return;  // fewer ranks than that say all that there is to say of it, in less time
  }
  ModelOptions options = options_of(name, dtype);
  ModelSpec const spec = read_model_spec(options.model);
  options.max_model_len = longest_prompt_of(spec) + max_tokens;
  Workload const workload = make_workload(spec, 6, longest_prompt_of(spec), max_tokens, 11);

  LayoutHashes expected;
  bool any_preempted = false;
  int number = 0;
  run_layouts(world,
              layouts_to_compare(options, spec, world.size()),
              workload,
              [&](Layout const& layout, LayoutHashes const& hashes) {
                if (number++ == 0) {
                  expected = hashes;
                }
                INFO(name << ", " << dtype << ", " << layout.name);
                CHECK(hashes.equals(expected));
                any_preempted = any_preempted || hashes.preemptions > 0;
              });
  CAPTURE(name, dtype);
  CHECK(any_preempted);  // or the variant with little memory tests nothing
}

TEST_CASE("a KV cache of eight bits gives the same bits in every layout") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  if (world.size() > 4) {
    return;  // fewer ranks than that say all that there is to say of it, in less time
  }
  std::string const name = GENERATE("qwen3_moe", "deepseek_v3");
  ModelOptions options = options_of(name, "auto");
  options.kv_cache_dtype = GENERATE("int8", "fp8");
  ModelSpec const spec = read_model_spec(options.model);
  options.max_model_len = longest_prompt + max_tokens;
  Workload const workload = make_workload(spec, 6, longest_prompt, max_tokens, 11);

  std::optional<LayoutHashes> expected;
  run_layouts(world,
              layouts_to_compare(options, spec, world.size()),
              workload,
              [&](Layout const& layout, LayoutHashes const& hashes) {
                expected = expected.value_or(hashes);
                INFO(name << ", " << options.kv_cache_dtype << ", " << layout.name);
                CHECK(hashes.equals(*expected));
              });
}

TEST_CASE("every checkpoint gives the same bits in every grid of four ranks") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  if (world.size() != 4) {
    return;  // the first test case does the other numbers of ranks, with fewer checkpoints
  }
  std::string const name = GENERATE(from_range(checkpoints()));
  ModelOptions options = options_of(name, "auto");
  ModelSpec const spec = read_model_spec(options.model);
  options.max_model_len = longest_prompt_of(spec) + max_tokens;
  Workload const workload = make_workload(spec, 6, longest_prompt_of(spec), max_tokens, 11);
  std::vector<Layout> layouts = grids_of(options, spec, 1);
  std::vector<Layout> const grids = grids_of(options, spec, 4);
  layouts.insert(layouts.end(), grids.begin(), grids.end());
  layouts.push_back(variants_of(grids.back(), spec, *options.max_model_len).back());

  std::optional<LayoutHashes> expected;
  run_layouts(world, layouts, workload, [&](Layout const& layout, LayoutHashes const& hashes) {
    expected = expected.value_or(hashes);
    INFO(name << ", " << layout.name);
    CHECK(hashes.equals(*expected));
  });
  CHECK(layouts.size() >= 5);
}

TEST_CASE("samples of a request compute its prompt once") {
  kernels::KernelSession const session{1};
  ModelOptions options = options_of(GENERATE("llama3", "gpt_oss"), "float32");
  ModelSpec const spec = read_model_spec(options.model);
  options.max_model_len = longest_prompt_of(spec) + max_tokens;
  options.max_num_seqs = 32;
  int num_ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &num_ranks);
  options.pipeline_parallel_size = num_ranks % 2 == 0 ? 2 : 1;
  options.tensor_parallel_size = 1;
  Workload const workload = make_workload(spec, 6, longest_prompt_of(spec), max_tokens, 11);

  WorkloadResult const result = run_workload(MPI_COMM_WORLD, options, workload);

  std::int64_t expected = 0;
  for (SequenceInput const& sequence : workload.sequences) {
    // The last token drawn is never computed; the prompt's last one is, by each.
    expected += sequence.sample == 0 ? std::ssize(sequence.prompt) : 1;
    expected += sequence.max_tokens - 1;
  }
  CHECK(result.computed_tokens == expected);
}

TEST_CASE("another seed gives other tokens") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  ModelOptions const options = options_of("llama3", "float32");
  ModelSpec const spec = read_model_spec(options.model);
  Workload workload = make_workload(spec, 6, longest_prompt, max_tokens, 11);
  std::vector<Layout> const layouts = grids_of(options, spec, 1);
  std::vector<LayoutHashes> hashes;
  auto const keep = [&](Layout const&, LayoutHashes const& one) { hashes.push_back(one); };

  run_layouts(world, layouts, workload, keep);
  for (SequenceInput& sequence : workload.sequences) {
    sequence.seed = 12;
  }
  run_layouts(world, layouts, workload, keep);

  CHECK_FALSE(hashes.front().equals(hashes.back()));
}
