// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

TEST_CASE("an engine that is left and run again draws the same tokens") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE("llama3", "qwen3_moe");
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.load_format = "dummy";
  options.max_model_len = 64;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 16;
  ModelSpec const spec = read_model_spec(options.model);
  for (Layout const& layout : grids_of(options, spec, world.size())) {
    INFO(name << ": " << layout.name);
    Machine machine{world, layout.options};
    LeavingClient stays{0};
    CHECK(machine.run(stays) == 0);
    for (int const steps : {1, 3}) {
      LeavingClient leaves{steps};
      CHECK(machine.run(leaves) > 2);
      CHECK(leaves.tokens() == stays.tokens());
      CHECK(leaves.num_finished() == stays.num_finished());
    }
    CHECK(stays.num_finished() == (machine.grid->is_lead() ? 5 : 0));
  }
}
