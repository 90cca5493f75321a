// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/layouts.hpp"

#include <string>

#include "kernels/session.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int32_t longest_prompt = 40;
constexpr std::int32_t max_tokens = 10;

ModelOptions options_of(std::string const& name, std::string const& dtype) {
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.dtype = dtype;
  options.max_model_len = longest_prompt + max_tokens;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 64;
  return options;
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
  for (Layout const& layout : variants_of(grids.back(), longest_prompt + max_tokens)) {
    layouts.push_back(layout);
  }
  return layouts;
}

}  // namespace

TEST_CASE("tokens and log-probabilities are the same bits in every layout") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE("llama3", "qwen3_moe", "deepseek_v3", "deepseek_v3_noq");
  std::string const dtype = GENERATE("float32", "bfloat16");
  ModelOptions const options = options_of(name, dtype);
  ModelSpec const spec = read_model_spec(options.model);
  Workload const workload = make_workload(spec, 6, longest_prompt, max_tokens, 11);

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
  CHECK(any_preempted);  // or the variant with little memory tests nothing
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
  for (SequenceInput& request : workload.requests) {
    request.seed = 12;
  }
  run_layouts(world, layouts, workload, keep);

  CHECK_FALSE(hashes.front().equals(hashes.back()));
}
