// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_logits.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/session.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/golden_model.hpp"

// The emulated cuda backend, on a device whose memory the host can't touch.

using namespace talus;  // NOLINT: tests only

namespace {

constexpr float tolerance = 2e-4F;  // as on the host's backends

/// The logits of the prompt in one step, then of each decoded token in one of its own.
std::vector<float> run_as_decoded(test::LoadedModel& model, test::GoldenModel const& golden) {
  std::vector<float> logits = model.run(golden.prompt);
  for (std::int32_t const token : golden.decoded) {
    std::vector<float> const next = model.run({token});
    logits.insert(logits.end(), next.begin(), next.end());
  }
  return logits;
}

std::ptrdiff_t argmax(float const* first, std::int64_t size) {
  return std::max_element(first, first + size) - first;
}

}  // namespace

TEST_CASE("a device gives every family's logits, and never leaves its memory to the host") {
  kernels::KernelSession const session{1};
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  // Of what a grid changes, a few families have all.
  std::vector<std::string> const names =
      ranks == 1 ? test::golden_model_names() : std::vector<std::string>{"olmo2", "qwen3_moe"};
  std::string const name = GENERATE_COPY(from_range(names));
  test::GoldenModel const golden = test::read_golden_model(name);
  if (golden.spec.layers.front().attention.heads % ranks != 0) {
    return;  // such a grid is refused: see shard_test
  }
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  auto const longest = static_cast<std::int64_t>(golden.prompt.size());
  test::LoadedModel model{grid, golden, kernels::Backend::cuda, DType::f32, longest};

  std::vector<float> const logits = run_as_decoded(model, golden);
  float largest = 0.0F;
  for (std::size_t i = 0; i < golden.prompt_logits.size(); ++i) {
    largest = std::max(largest, std::abs(logits[i] - golden.prompt_logits[i]));
  }
  INFO(name << ": largest difference " << largest);
  CHECK(largest < tolerance);
  std::int64_t const vocab = golden.spec.vocab;
  for (std::size_t i = 0; i < golden.decoded.size(); ++i) {
    auto const row = static_cast<std::ptrdiff_t>(golden.prompt.size() - 1 + i);
    CHECK(argmax(logits.data() + row * vocab, vocab) == golden.decoded[i]);
  }
}

TEST_CASE(
    "in bfloat16 a device is no further from float32 than transformers is, and cuts change "
    "nothing") {
  kernels::KernelSession const session{1};
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks > 1) {
    return;  // the grid does not change the bits
  }
  // Grouped queries, windows and caps, a latent, sinks: attention in tensor cores.
  std::string const name = GENERATE("llama3_bf16", "gemma2", "deepseek_v3_noq", "gpt_oss");
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  auto const all = static_cast<std::ptrdiff_t>(tokens.size());
  test::LoadedModel model{grid, golden, kernels::Backend::cuda, DType::bf16, all};

  std::vector<float> const whole = test::run_in_chunks(model, tokens, all);
  test::check_as_near_as_bfloat16(name, golden, whole);
  CHECK(test::run_in_chunks(model, tokens, 37) == whole);
}

TEST_CASE(
    "over a cache of codes a device agrees with the reference, and decoding changes nothing") {
  kernels::KernelSession const session{1};
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks > 1) {
    return;  // the grid does not change the bits
  }
  // Of a latent and of grouped queries, in lengths that tensor cores take.
  std::string const name = GENERATE("deepseek_v3", "llama3_bf16");
  DType const kv_dtype = GENERATE(DType::f8_e4m3, DType::i8);
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  auto const all = static_cast<std::ptrdiff_t>(tokens.size());
  test::LoadedModel reference{grid, golden, kernels::Backend::reference, DType::f32, all, kv_dtype};
  test::LoadedModel model{grid, golden, kernels::Backend::cuda, DType::f32, all, kv_dtype};

  std::vector<float> const whole = test::run_in_chunks(model, tokens, all);

  std::vector<float> const wanted = test::run_in_chunks(reference, tokens, all);
  test::Difference const found = test::difference_of(whole, wanted);
  test::Difference const of_codes = test::difference_of(wanted, test::expected_logits(golden));
  INFO(name << ": r.m.s. " << found.root_mean_square << ", of codes " << of_codes.root_mean_square);
  // What queries and weights lose is less than what keys and values have lost as codes, but for
  // flipped experts, as above.
  bool const flips = golden.spec.has_experts();
  CHECK(found.root_mean_square > 0.0);
  CHECK(found.root_mean_square < of_codes.root_mean_square * (flips ? 3.0 : 1.0));
  CHECK(test::run_in_chunks(model, tokens, 1, std::ssize(golden.prompt)) == whole);
}
