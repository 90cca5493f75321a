// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <map>
#include <vector>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/run_identity.hpp"

#include "tests/kernels/cuda/cublaslt/standin.hpp"
#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// Engines on emulated GPUs whose matmuls are cuBLASLt's, of which a stand-in is there.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

ModelOptions options_of(std::string const& model, std::string const& matmul) {
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + model;
  options.load_format = "dummy";
  options.backend = "cuda";
  options.gpu_matmul = matmul;
  options.dtype = "bfloat16";
  options.max_model_len = 64;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 16;
  return options;
}

test::StandinCounts counts() {
  test::StandinCounts now;
  talus_standin_counts(&now);
  return now;
}

}  // namespace

TEST_CASE("an engine multiplies by the library where it is told to, and not where it isn't") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const matmul = GENERATE("own", "cublaslt");
  test::StandinCounts const before = counts();
  Machine machine{world, options_of("qwen2", matmul)};
  LeavingClient client{0, 2};

  CHECK(machine.run(client) == 0);

  if (machine.grid->is_lead()) {
    CHECK(client.num_finished() == 2);
  }
  test::StandinCounts const after = counts();
  bool const is_used = matmul == "cublaslt";
  CHECK((after.products > before.products) == is_used);
  CHECK((after.biases > before.biases) == is_used);  // of queries, keys and values
  CHECK((after.biases - before.biases) * 3 < after.products - before.products + 1);
}

TEST_CASE("the library's products are recorded with a step, and done again") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::vector<std::map<std::int64_t, std::vector<std::int32_t>>> tokens;
  for (bool const is_eager : {true, false}) {
    ModelOptions options = options_of("qwen2", "cublaslt");
    options.enforce_eager = is_eager;
    options.data_parallel_size = world.size();
    Machine machine{world, options};
    LeavingClient client{0, 3};
    CHECK(machine.run(client) == 0);
    CHECK((machine.engine.recordings().replayed > 0) != is_eager);
    tokens.push_back(client.tokens());
  }
  CHECK(tokens[0] == tokens[1]);
}

TEST_CASE("whose matmuls they are is a part of a run's identity") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::vector<io::Identity> identities;
  for (char const* const matmul : {"own", "cublaslt"}) {
    ModelOptions const options = options_of("qwen2", matmul);
    ModelPlan const plan = plan_model(world.native(), options);
    identities.push_back(
        run_identity(options, {}, plan, {}, options.model + "/config.json", "test"));
  }
  REQUIRE(identities[0].size() == identities[1].size());
  for (std::size_t i = 0; i < identities[0].size(); ++i) {
    CHECK((identities[0][i] == identities[1][i]) == (identities[0][i].first != "--gpu-matmul"));
  }
}
