// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/bench_engine.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "kernels/session.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/bench_requests.hpp"
#include "runtime/batch/layouts.hpp"
#include "runtime/model/dummy_weights.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

class Silence final : public Reporter {
 public:
  void info(std::string_view /*line*/) override {}

  void warn(std::string_view /*line*/) override {}

  void progress(std::string_view /*line*/) override {}
};

ModelOptions dummy_options(std::string const& name) {
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + name;
  options.load_format = "dummy";
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 64;
  return options;
}

}  // namespace

TEST_CASE("a model without weights gives the same bits in every layout") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const name = GENERATE("llama3", "qwen3_moe", "deepseek_v3", "gemma3_text", "gpt_oss");
  ModelOptions options = dummy_options(name);
  ModelSpec const spec = read_model_spec(options.model);
  options.max_model_len = 36;
  Workload const workload = make_workload(spec, 4, 24, 12, 5);
  std::vector<Layout> layouts = grids_of(options, spec, 1);
  std::vector<Layout> const grids = grids_of(options, spec, world.size());
  layouts.insert(layouts.end(), grids.begin(), grids.end());
  LayoutHashes expected;
  int number = 0;
  run_layouts(world, layouts, workload, [&](Layout const& layout, LayoutHashes const& hashes) {
    INFO(name << ": " << layout.name);
    expected = number == 0 ? hashes : expected;
    ++number;
    CHECK(hashes.equals(expected));
  });
  CHECK(number == static_cast<int>(layouts.size()));
}

TEST_CASE("an engine runs a batch again and again, and counts its steps") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  bool const in_stages = GENERATE(false, true);
  LatencyShape const shape{.input_len = 10, .output_len = 6, .batch_size = 4};
  ModelOptions options = dummy_options("llama3");
  (in_stages ? options.pipeline_parallel_size : options.data_parallel_size) = world.size();
  if (in_stages && world.size() > 3) {
    return;  // the model has three layers
  }
  BenchRequests const requests = make_requests(shape, 259, 1);
  Silence silence;
  BenchEngine engine{world.native(), fitted_to(requests, options), silence};
  for (int i = 0; i < 3; ++i) {
    BenchRun const run = engine.run(requests);
    CHECK(run.prompt_tokens == 40);
    CHECK(run.output_tokens == 24);
    CHECK(run.seconds > 0.0);
    if (world.size() == 1) {
      StepTotals const& decode = run.rank.decode;
      CHECK(run.rank.prefill.prefill_tokens == 40);
      CHECK(decode.steps + run.rank.mixed.steps == 5);
      CHECK(decode.decode_tokens + run.rank.mixed.decode_tokens == 20);
      CHECK(decode.seconds >= decode.seconds_outside_kernels());
      CHECK(run.job.decode.cost.weight_bytes == decode.cost.weight_bytes);
    }
  }
}

TEST_CASE("an engine that skips prompts computes their last step") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  ModelOptions options = dummy_options("llama3");
  options.max_num_batched_tokens = 16;
  bool const in_stages = world.size() <= 3;
  (in_stages ? options.pipeline_parallel_size : options.data_parallel_size) = world.size();
  BenchRequests const requests =
      make_requests(LatencyShape{.input_len = 33, .output_len = 4, .batch_size = 1}, 259, 1);
  Silence silence;
  BenchEngine engine{world.native(), fitted_to(requests, options), silence};
  BenchRun const whole = engine.run(requests);
  engine.skip_prompts();
  BenchRun const skipped = engine.run(requests);
  CHECK(skipped.output_tokens == 4);
  auto const compute = [](StepTotals const& steps) {
    return steps.phase_seconds[static_cast<std::size_t>(io::Phase::attention)];
  };
  // Of all ranks: any replica may have been the first to take the request.
  CHECK(skipped.job.prefill.steps == whole.job.prefill.steps);
  CHECK(compute(skipped.rank.prefill) == 0.0);
  if (world.size() == 1) {
    CHECK(whole.rank.prefill.steps == 2);
    CHECK(compute(whole.rank.prefill) > 0.0);
    CHECK(compute(skipped.rank.decode) > 0.0);
  }
}

TEST_CASE("a request longer than the model's length is refused") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  ModelOptions options = dummy_options("llama3");
  options.tensor_parallel_size = 1;
  options.max_model_len = 32;
  Silence silence;
  BenchEngine engine{world.native(), options, silence};
  BenchRequests const requests =
      make_requests(LatencyShape{.input_len = 30, .output_len = 3, .batch_size = 1}, 259, 1);
  CHECK_THROWS_WITH(static_cast<void>(engine.run(requests)), ContainsSubstring("--max-model-len"));
}

TEST_CASE("a step costs what its weights, its keys and values and its products come to") {
  ModelSpec const spec = read_model_spec(std::string{TALUS_TEST_DATA} + "/models/llama3");
  ModelWeights const weights =
      make_dummy_weights({kernels::Backend::reference}, spec, {}, DType::f32);
  CostModel const costs{spec, {}, weights, DType::f32};
  // Hidden 48, intermediate 152, 6 heads and 2 key/value heads of 12, 3 layers, vocabulary 259.
  constexpr double layer = 48.0 * (72 + 2 * 24) + 72.0 * 48 + 3.0 * 48 * 152;
  constexpr double head = 259.0 * 48;
  StepPlan plan;
  plan.entries = {{.first_position = 9, .num_tokens = 1, .samples = true},
                  {.first_position = 19, .num_tokens = 1, .samples = true}};
  plan.num_decode_tokens = 2;
  plan.num_samples = 2;
  StepCost const cost = costs.of(plan);
  CHECK(cost.weight_bytes == 4.0 * (3 * layer + head + 2 * 48));
  CHECK(cost.kv_bytes == 4.0 * 3 * (2 * 2 * 12) * (10 + 20));
  CHECK(cost.operations == 2.0 * 2 * (3 * layer + head) + 3 * 6 * 2.0 * (12 + 12) * (10 + 20));
}

TEST_CASE("a step costs the experts that its tokens were sent to") {
  ModelSpec const spec = read_model_spec(std::string{TALUS_TEST_DATA} + "/models/qwen3_moe");
  ModelWeights const weights =
      make_dummy_weights({kernels::Backend::reference}, spec, {}, DType::f32);
  CostModel const costs{spec, {}, weights, DType::f32};
  std::size_t num_experts = 0;
  for (LayerWeights const& one : weights.layers) {
    num_experts += one.moe.gate_up.size();
  }
  std::vector<std::int64_t> routed(num_experts);
  StepCost const none = costs.of_experts(routed);
  routed.back() = 3;
  StepCost const one = costs.of_experts(routed);
  MoeWeights const& last = weights.layers.back().moe;
  auto const bytes = static_cast<double>(last.gate_up.back().bytes() + last.down.back().bytes());
  CHECK(none.weight_bytes == 0.0);
  CHECK(one.weight_bytes == bytes);
  CHECK(one.operations == 3.0 * 2.0 * bytes / 4.0);
}

TEST_CASE("a window hides keys and values that need not be read") {
  ModelSpec const spec = read_model_spec(std::string{TALUS_TEST_DATA} + "/models/gemma3_text");
  ModelWeights const weights =
      make_dummy_weights({kernels::Backend::reference}, spec, {}, DType::f32);
  CostModel const costs{spec, {}, weights, DType::f32};
  StepPlan plan;
  plan.entries = {{.first_position = 99, .num_tokens = 1}};
  plan.num_decode_tokens = 1;
  // Four layers of one key/value head of 14; every third layer sees all, the others 24 positions.
  CHECK(costs.of(plan).kv_bytes == 4.0 * (2 * 14) * (100 + 3 * 24));
}

TEST_CASE("the shapes of jobs/bench are models that Talus knows") {
  std::filesystem::path const shapes =
      std::filesystem::path{TALUS_SOURCE_DIR} / "jobs/bench/compare/shapes";
  for (auto const& entry : std::filesystem::directory_iterator{shapes}) {
    CHECK_NOTHROW(read_model_spec(entry.path()));
  }
  ModelSpec const moe = read_model_spec(shapes / "moe-64x8");
  REQUIRE(moe.layers.front().feed_forward.moe);
  CHECK(moe.layers.front().feed_forward.moe->routing.top_k == 8);
  ModelSpec const latent = read_model_spec(shapes / "latent");
  CHECK(latent.layers.front().attention.kind == AttentionKind::latent);
  CHECK_FALSE(latent.has_experts());
}

TEST_CASE("made-up requests keep to their shape") {
  ThroughputShape const shape{.input_len = 20,
                              .output_len = 10,
                              .range_ratio = 0.5,
                              .prefix_len = 4,
                              .num_prompts = 200,
                              .n = 2};
  BenchRequests const requests = make_requests(shape, 50, 3);
  REQUIRE(requests.size() == 400);
  std::set<std::size_t> lengths;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    SequenceInput const& input = requests[i];
    CHECK(input.sample == i % 2);
    CHECK(input.ignore_eos);
    CHECK(input.rule.temperature == 1.0F);
    CHECK((input.prompt.size() >= 14 && input.prompt.size() <= 34));
    CHECK((input.max_tokens >= 5 && input.max_tokens <= 15));
    CHECK(std::equal(input.prompt.begin(), input.prompt.begin() + 4, requests[0].prompt.begin()));
    CHECK(std::all_of(
        input.prompt.begin(), input.prompt.end(), [](std::int32_t id) { return id < 50; }));
    lengths.insert(input.prompt.size());
  }
  CHECK(lengths.size() == 21);
  CHECK(make_requests(shape, 50, 3)[7].prompt == requests[7].prompt);
  CHECK(make_requests(shape, 50, 4)[7].prompt != requests[7].prompt);
}

TEST_CASE("numbers that no request can have are refused by their flags") {
  auto const latency = [](LatencyShape const& shape) {
    static_cast<void>(make_requests(shape, 50, 0));
  };
  auto const throughput = [](ThroughputShape shape) {
    shape.input_len = shape.input_len == 0 ? 1 : shape.input_len;
    shape.output_len = 1;
    static_cast<void>(make_requests(shape, 50, 0));
  };
  CHECK_THROWS_WITH(latency({.input_len = 0}), ContainsSubstring("--input-len: 0"));
  CHECK_THROWS_WITH(latency({.output_len = -1}), ContainsSubstring("--output-len: -1"));
  CHECK_THROWS_WITH(latency({.batch_size = 0}), ContainsSubstring("--batch-size: 0"));
  CHECK_THROWS_WITH(latency({.n = 0}), ContainsSubstring("--n: 0"));
  CHECK_THROWS_WITH(throughput({.range_ratio = 1.0}), ContainsSubstring("--random-range-ratio: 1"));
  CHECK_THROWS_WITH(throughput({.prefix_len = -2}), ContainsSubstring("--prefix-len: -2"));
  CHECK_THROWS_WITH(throughput({.num_prompts = 0}), ContainsSubstring("--num-prompts: 0"));
}
