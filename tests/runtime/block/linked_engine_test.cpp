// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

#include "tests/runtime/block/world_links.hpp"
#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// The engine on emulated GPUs that exchange their data without the host, as by NCCL: what is sent,
// and the folds, are those of a real run; only the messages are MPI's.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

TEST_CASE("engines whose devices exchange data draw the tokens of one through the host") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE("qwen3_moe", "olmo2");
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.load_format = "dummy";
  options.backend = "cuda";
  options.max_model_len = 64;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 16;
  ModelSpec const spec = read_model_spec(options.model);
  int num_layouts = 0;
  for (Layout const& layout : grids_of(options, spec, world.size())) {
    bool const travels = layout.options.data_parallel_size != world.size();
    // Emulation is slow: a few layouts of each model.
    if (!travels || num_layouts == 3) {
      continue;
    }
    ++num_layouts;
    INFO(name << ": " << layout.name);
    LeavingClient staged{0, 1};
    {
      Machine machine{world, layout.options, [](ModelPlan& plan) { plan.comm = CommOption::mpi; }};
      CHECK(machine.run(staged) == 0);
    }
    bool const reaches_peers = num_layouts % 2 == 1;
    int const peers_before = SharedPeers::num_made;
    std::unique_ptr<WorldLinks> links;
    Machine machine{world, layout.options, [&](ModelPlan& plan) {
                      using kernels::block::emulation::FencedDevice;
                      auto& device = dynamic_cast<FencedDevice&>(*plan.device);
                      links = std::make_unique<WorldLinks>(world, device, reaches_peers);
                      plan.comm = CommOption::nccl;
                    }};
    LeavingClient linked{0, 1};
    int const sent_before = WorldSender::num_sent;
    CHECK(machine.run(linked) == 0);
    CHECK(linked.tokens() == staged.tokens());
    parallel::GridShape const& shape = machine.grid->shape();
    int const num_groups = (shape.tp > 1 ? 1 : 0) + (shape.pp > 1 ? 1 : 0) + (shape.ep > 1 ? 1 : 0);
    // And a pair for each channel between stages, whose messages hold up nothing.
    int const stage = machine.grid->pp().rank();
    bool const sends = stage + 1 < shape.pp;
    CHECK(links->num_joined() == num_groups + (sends ? 1 : 0) + (stage > 0 ? 1 : 0));
    CHECK((WorldSender::num_sent > sent_before) == sends);
    bool const has_peers = spec.layers.back().feed_forward.moe && shape.ep > 1 && reaches_peers;
    CHECK((SharedPeers::num_made > peers_before) == has_peers);
  }
  CHECK(num_layouts > 0);
}
