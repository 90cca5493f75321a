// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/shared_weights.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "kernels/packed_weights.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/model_plan.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using parallel::Communicator;

namespace {

/// Memory of this process, pages that it shares by its part of them; bytes.
std::int64_t proportional_memory() {
  std::ifstream in{"/proc/self/smaps_rollup"};
  for (std::string word; in >> word;) {
    std::int64_t kib = 0;
    if (word == "Pss:" && in >> kib) {
      return kib * 1024;
    }
  }
  return 0;
}

/// A model of tests/data on a grid, with as many replicas as there are ranks for.
struct Replicas {
  Replicas(char const* model, int tp, bool share_weights) {
    ModelOptions options;
    options.model = std::filesystem::path{TALUS_TEST_DATA} / "models" / model;
    options.backend = "reference";
    options.tensor_parallel_size = tp;
    options.share_weights = share_weights;
    plan = plan_model(MPI_COMM_WORLD, options);
    grid = make_grid(MPI_COMM_WORLD, options, plan);
    loaded = load_model(*grid, plan, options);
  }

  ModelPlan plan;
  std::unique_ptr<parallel::ProcessGrid> grid;
  LoadedModel loaded;
};

using Bytes = std::span<std::byte const>;

std::vector<Bytes> matrices_of(ModelWeights const& weights) {
  std::vector<Bytes> matrices;
  auto const add = [&](auto const& matrix) {
    matrices.emplace_back(matrix.data(), static_cast<std::size_t>(matrix.bytes()));
  };
  add(weights.embedding);
  add(weights.lm_head);
  for (LayerWeights const& layer : weights.layers) {
    add(layer.attention.qkv);
    add(layer.attention.out);
    add(layer.feed_forward.gate_up);
    add(layer.feed_forward.down);
    add(layer.moe.router);
    std::ranges::for_each(layer.moe.gate_up, add);
    std::ranges::for_each(layer.moe.down, add);
  }
  return matrices;
}

bool same(Bytes a, Bytes b) {
  return std::ranges::equal(a, b);
}

}  // namespace

TEST_CASE("replicas that share weights have the bytes that each would have loaded") {
  char const* const model = GENERATE("llama3", "mixtral", "qwen3_moe");
  int const tp = GENERATE(1, 2);
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  if (world.size() % tp != 0) {
    return;
  }
  Replicas const shared{model, tp, true};
  Replicas const own{model, tp, false};
  int const replicas = world.size() / tp;

  CHECK(own.plan.weight_sharers == 1);
  CHECK(own.loaded.weights.memory == nullptr);
  CHECK((shared.loaded.weights.memory != nullptr) == (shared.plan.weight_sharers > 1));
  if (world.split_by_node().size() == world.size()) {
    CHECK(shared.plan.weight_sharers == replicas);
    CHECK(shared.plan.budget.weights == (own.plan.budget.weights + replicas - 1) / replicas);
  }
  std::vector<Bytes> const theirs = matrices_of(shared.loaded.weights);
  CHECK(std::ranges::equal(theirs, matrices_of(own.loaded.weights), same));
  CHECK(std::ranges::any_of(theirs, [](Bytes matrix) { return !matrix.empty(); }));
}

TEST_CASE("each buffer is filled by one of those that share it, and all find it there") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  Communicator const node = world.split_by_node();
  constexpr int num_buffers = 40;
  constexpr std::int64_t floats = 1000;
  constexpr std::int64_t bytes = floats * static_cast<std::int64_t>(sizeof(float));
  auto const memory =
      SharedWeights::make(world.split_by_node(), shared_weight_bytes(num_buffers * bytes));
  REQUIRE(memory != nullptr);
  std::vector<kernels::Buffer<float>> buffers;
  std::vector<int> fillers;
  for (int i = 0; i < num_buffers; ++i) {
    buffers.emplace_back(kernels::ExecContext{.memory = memory.get()}, floats);
    fillers.push_back(memory->is_filled_here(buffers.back().data()) ? 1 : 0);
  }

  for (int i = 0; i < num_buffers; ++i) {
    if (fillers[static_cast<std::size_t>(i)] == 1) {
      std::ranges::fill(buffers[static_cast<std::size_t>(i)].span(), static_cast<float>(i));
    }
  }
  memory->publish();
  parallel::all_reduce(node, std::span{fillers}, parallel::ReduceOp::sum);

  CHECK(std::ranges::all_of(fillers, [](int ranks) { return ranks == 1; }));
  for (int i = 0; i < num_buffers; ++i) {
    std::span<float const> const values = buffers[static_cast<std::size_t>(i)].span();
    CHECK(std::ranges::count(values, static_cast<float>(i)) == floats);
  }
  parallel::barrier(node);
}

TEST_CASE("what the shared memory has no room for is the rank's own") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  auto const memory = SharedWeights::make(world.split_by_node(), 100'000);
  REQUIRE(memory != nullptr);

  kernels::Buffer<float> own{kernels::ExecContext{.memory = memory.get()}, 1'000'000};
  own.span().back() = 1.0F;

  CHECK(memory->is_filled_here(own.data()));
}

TEST_CASE("memory doesn't grow with the ranks that share it") {
  constexpr std::int64_t bytes = std::int64_t{48} << 20;
  constexpr std::int64_t tolerance = std::int64_t{6} << 20;
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  Communicator const node = world.split_by_node();
  parallel::barrier(node);
  std::int64_t const before =
      parallel::all_reduce(node, proportional_memory(), parallel::ReduceOp::sum);

  auto const memory = SharedWeights::make(world.split_by_node(), bytes);
  REQUIRE(memory != nullptr);
  auto* const values = static_cast<unsigned char*>(memory->take(bytes));
  REQUIRE(values != nullptr);
  if (node.rank() == 0) {
    std::fill_n(values, bytes, static_cast<unsigned char>(1));
  }
  memory->publish();
  std::int64_t const sum = std::accumulate(values, values + bytes, std::int64_t{0});
  parallel::barrier(node);
  std::int64_t const after =
      parallel::all_reduce(node, proportional_memory(), parallel::ReduceOp::sum);
  parallel::barrier(node);

  CHECK(sum == bytes);
  CHECK(after - before > bytes - tolerance);
  CHECK(after - before < bytes + tolerance);
}
