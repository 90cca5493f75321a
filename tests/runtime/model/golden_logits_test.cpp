// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_logits.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "kernels/session.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/golden_model.hpp"

using namespace talus;  // NOLINT: tests only

namespace {

// The bar of the project: two float32 programs that sum in another order.
constexpr float tolerance = 2e-4F;

std::int32_t argmax(std::vector<float> const& logits, std::size_t row, std::size_t vocab) {
  auto const first = logits.begin() + static_cast<std::ptrdiff_t>(row * vocab);
  return static_cast<std::int32_t>(
      std::max_element(first, first + static_cast<std::ptrdiff_t>(vocab)) - first);
}

}  // namespace

TEST_CASE("logits of every family are those of transformers, however the prompt is cut") {
  kernels::KernelSession const session{1};
  std::string const name = GENERATE(from_range(test::golden_model_names()));
  auto const backend = GENERATE(from_range(kernels::available_backends()));
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  test::GoldenModel const golden = test::read_golden_model(name);
  if (golden.spec.layers.front().attention.heads % ranks != 0) {
    return;  // such a grid is refused: see shard_test
  }
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  auto const all = static_cast<std::ptrdiff_t>(tokens.size());
  test::LoadedModel model{grid, golden, backend, DType::f32, all};

  std::vector<float> const whole = test::run_in_chunks(model, tokens, all);
  float const difference = test::difference_of(whole, test::expected_logits(golden)).largest;
  INFO(name << " on " << name_of(backend) << ": largest difference " << difference);
  CHECK(difference < tolerance);
  if (grid.world().rank() == 0) {
    WARN(name << " on " << name_of(backend) << ", tp " << ranks << ": largest difference "
              << difference);
  }
  auto const vocab = static_cast<std::size_t>(golden.spec.vocab);
  for (std::size_t i = 0; i < golden.decoded.size(); ++i) {
    CHECK(argmax(whole, golden.prompt.size() - 1 + i, vocab) == golden.decoded[i]);
  }
  // Cut in chunks, or token by token, the bits are the same.
  CHECK(test::run_in_chunks(model, tokens, 64) == whole);
  CHECK(test::run_in_chunks(model, tokens, 37) == whole);
  // Steps of one token take long on many ranks.
  auto const first = ranks == 1 ? 0 : static_cast<std::ptrdiff_t>(golden.prompt.size());
  CHECK(test::run_in_chunks(model, tokens, 1, first) == whole);
  // On one rank alone they are the same too.
  if (ranks > 1 && grid.world().rank() == 0) {
    parallel::ProcessGrid const alone{MPI_COMM_SELF, {}};
    test::LoadedModel model_alone{alone, golden, backend, DType::f32, all};
    CHECK(model_alone.run(tokens) == whole);
  }
}

TEST_CASE("in bfloat16 no family is further from float32 than transformers is") {
  kernels::KernelSession const session{1};
  std::string const name = GENERATE(from_range(test::golden_model_names()));
  auto const backend = GENERATE(from_range(kernels::available_backends()));
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks > 1) {
    return;  // the grid does not change the bits
  }
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  test::LoadedModel model{
      grid, golden, backend, DType::bf16, static_cast<std::int64_t>(tokens.size())};

  test::Difference const found =
      test::difference_of(model.run(tokens), test::expected_logits(golden));
  auto const [largest, root_mean_square] = golden.bfloat16_difference;
  INFO(name << " on " << name_of(backend) << ": " << found.largest << " of " << largest
            << ", r.m.s. " << found.root_mean_square << " of " << root_mean_square);
  // In a mixture a rounding flips an expert here and there: how many is luck, on both sides.
  bool const flips = golden.spec.has_experts();
  CHECK(found.root_mean_square <= root_mean_square * (flips ? 3.0 : 1.0));
  // With experts the largest is where a rounding chose another expert: one in many, so left to
  // luck.
  CHECK((golden.spec.has_experts() || found.largest <= largest));
  WARN(name << " in bfloat16 on " << name_of(backend) << ": " << found.largest << " of " << largest
            << ", r.m.s. " << found.root_mean_square << " of " << root_mean_square);
}
