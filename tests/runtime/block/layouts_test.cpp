// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/layouts.hpp"

#include <optional>
#include <string>

#include "kernels/session.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

// The whole engine on the emulated cuda backend, on a device whose memory the host can't touch.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

struct Precision {
  std::string quantization;
  std::string kv_cache;
};

}  // namespace

TEST_CASE("an engine on devices gives the same bits in every layout") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE("qwen3_moe", "deepseek_v3_noq", "gpt_oss");
  auto const precision = GENERATE(Precision{"auto", "auto"}, Precision{"int4-g32", "fp8"});
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.backend = "cuda";
  options.allow_shared_devices = true;
  options.quantization = precision.quantization;
  options.kv_cache_dtype = precision.kv_cache;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 16;
  options.max_model_len = 32;
  ModelSpec const spec = read_model_spec(options.model);
  Workload const workload = make_workload(spec, 4, 20, 6, 11);

  std::optional<LayoutHashes> expected;
  std::vector<Layout> layouts = grids_of(options, spec, 1);
  if (world.size() > 1) {
    for (Layout const& layout : grids_of(options, spec, world.size())) {
      layouts.push_back(layout);
    }
  }
  run_layouts(world, layouts, workload, [&](Layout const& layout, LayoutHashes const& hashes) {
    expected = expected.value_or(hashes);
    INFO(name << ", " << precision.quantization << ", " << layout.name);
    CHECK(hashes.equals(*expected));
  });
}
