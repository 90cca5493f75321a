// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/session.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/golden_logits.hpp"
#include "tests/support/golden_model.hpp"

// Checkpoints of codes on the emulated cuda backend.

using namespace talus;  // NOLINT: tests only

namespace {

runtime::WeightPrecision with_codes() {
  runtime::WeightPrecision precision;
  precision.keeps_codes = true;
  return precision;
}

}  // namespace

TEST_CASE(
    "fp8 that stays codes is no further from float32 than transformers is in bfloat16, and "
    "neither chunks nor ranks change a bit") {
  kernels::KernelSession const session{1};
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  std::string const name = GENERATE("quant_deepseek_fp8", "quant_compressed_fp8");
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  auto const all = static_cast<std::ptrdiff_t>(tokens.size());
  test::LoadedModel model{grid, golden, kernels::Backend::cuda, with_codes(), all};

  std::vector<float> const whole = test::run_in_chunks(model, tokens, all);

  test::check_as_near_as_bfloat16(name, golden, whole);
  CHECK(test::run_in_chunks(model, tokens, 37) == whole);
  CHECK(test::run_in_chunks(model, tokens, 1, all - 4) == whole);
  if (ranks > 1 && grid.world().rank() == 0) {
    parallel::ProcessGrid const alone{MPI_COMM_SELF, {}};
    test::LoadedModel one{alone, golden, kernels::Backend::cuda, with_codes(), all};
    CHECK(test::run_in_chunks(one, tokens, all) == whole);
  }
}
