// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

#include "tests/runtime/block/world_links.hpp"
#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// The engine on emulated GPUs that record decoding steps and replay them: launches with the
// arguments that they had, on what is in memory then.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// An engine on emulated devices, which exchange data without the host where there are several.
class LinkedMachine {
 public:
  LinkedMachine(parallel::Communicator const& world, ModelOptions const& options)
      : machine_{world, options, [&](ModelPlan& plan) {
                   if (world.size() > 1) {
                     using kernels::block::emulation::FencedDevice;
                     auto& device = dynamic_cast<FencedDevice&>(*plan.device);
                     links_ = std::make_unique<WorldLinks>(world, device);
                     plan.comm = CommOption::nccl;
                   }
                 }} {}

  /// The tokens of a few requests, by number; on the first rank.
  [[nodiscard]] std::map<std::int64_t, std::vector<std::int32_t>> run() {
    LeavingClient client{0, 4};
    CHECK(machine_.run(client) == 0);
    return client.tokens();
  }

  [[nodiscard]] StepRecordings::Counters recordings() const { return machine_.engine.recordings(); }

  [[nodiscard]] kernels::Device const& device() const { return *machine_.plan.device; }

 private:
  std::unique_ptr<WorldLinks> links_;
  Machine machine_;
};

}  // namespace

TEST_CASE("recorded steps draw the tokens of steps done one launch after another") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name =
      GENERATE("olmo2", "gemma2", "llama3_bf16", "qwen3_moe", "deepseek_v3_noq", "gpt_oss");
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.load_format = "dummy";
  options.backend = "cuda";
  options.max_model_len = 64;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 32;
  // Experts are on each rank, on all ranks of a replica, or on all replicas.
  int const spread = GENERATE(0, 1, 2);
  if (spread > 0 &&
      (world.size() == 1 || !read_model_spec(options.model).layers.back().feed_forward.moe)) {
    SUCCEED("nothing is spread");
    return;
  }
  bool const has_replicas = spread == 2;
  options.tensor_parallel_size = has_replicas ? 1 : world.size();
  options.data_parallel_size = has_replicas ? world.size() : 1;
  options.expert_parallel_size = spread > 0 ? world.size() : 1;
  INFO(name << ", spread " << spread);

  options.enforce_eager = true;
  LinkedMachine eager{world, options};
  auto const expected = eager.run();
  CHECK(eager.recordings() == StepRecordings::Counters{});

  options.enforce_eager = false;
  LinkedMachine recording{world, options};
  CHECK(recording.run() == expected);
  StepRecordings::Counters const first = recording.recordings();
  CHECK(first.recorded > 0);
  CHECK(first.replayed > first.recorded);

  // Once all is seen, steps allocate nothing, and nothing that was recorded is lost.
  std::int64_t const memory_changes = recording.device().num_memory_changes();
  CHECK(recording.run() == expected);
  CHECK(recording.device().num_memory_changes() == memory_changes);
  CHECK(recording.recordings().dropped == first.dropped);
  CHECK(recording.recordings().replayed - first.replayed > first.replayed);
}
