// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/memory_budget.hpp"

#include <string>

#include "runtime/base/error.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int64_t max_model_len = 4096;

/// Two layers of four see 24 keys.
ModelSpec with_windows() {
  return read_model_spec(std::string{TALUS_TEST_DATA} + "/models/gpt_oss");
}

ModelSpec without_windows() {
  ModelSpec spec = with_windows();
  for (LayerSpec& layer : spec.layers) {
    layer.attention.window = 0;
  }
  return spec;
}

MemoryBudget budget_of(ModelSpec const& spec, std::int64_t kv_cache) {
  return plan_memory({},
                     spec,
                     {},
                     {.weights = DType::f32,
                      .max_num_seqs = 64,
                      .max_num_batched_tokens = 256,
                      .max_model_len = max_model_len,
                      .block_tokens = 16,
                      .available = std::int64_t{1} << 30,
                      .kv_cache = kv_cache,
                      .num_blocks = std::nullopt});
}

std::string refusal_of(MemoryBudget const& budget) {
  try {
    check_budget(budget, max_model_len);
  } catch (ConfigError const& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("layers with a window take almost no room in a long sequence") {
  constexpr std::int64_t bytes = 20'000'000;
  MemoryBudget const narrow = budget_of(with_windows(), bytes);
  MemoryBudget const wide = budget_of(without_windows(), bytes);

  // Two groups of two layers: a block is half of one that holds all four layers.
  CHECK(narrow.geometry.num_groups() == 2);
  CHECK(wide.geometry.num_groups() == 1);
  CHECK(2 * narrow.kv_token_bytes == wide.kv_token_bytes);
  CHECK(narrow.kv_cache <= bytes);
  CHECK(narrow.kv_cache == narrow.num_blocks * 16 * narrow.kv_token_bytes);
  // Only half of the layers keep all of its tokens.
  double const gain = kv_concurrency(narrow, max_model_len) / kv_concurrency(wide, max_model_len);
  CHECK(gain > 1.9);
  CHECK(gain < 2.0);
}

TEST_CASE("memory without an end is not taken beyond what all sequences need") {
  MemoryBudget const budget = budget_of(with_windows(), std::int64_t{1} << 40);

  CHECK(budget.num_blocks == 64 * budget.geometry.most_blocks(max_model_len, 256));
  CHECK(budget.geometry.most_blocks(max_model_len, 256) < 2 * 256);
}

TEST_CASE("a refused length is told with the length that fits") {
  MemoryBudget budget = budget_of(with_windows(), 20'000'000);
  REQUIRE(refusal_of(budget).empty());
  auto const needed = budget.geometry.most_blocks(max_model_len, 256);

  budget.num_blocks = needed;
  CHECK(refusal_of(budget).empty());
  budget.num_blocks = needed - 1;
  CHECK_THAT(refusal_of(budget),
             Catch::Matchers::ContainsSubstring("--max-model-len: 4096") &&
                 Catch::Matchers::ContainsSubstring("at most 4080 would fit") &&
                 Catch::Matchers::ContainsSubstring("--max-num-batched-tokens"));
}

TEST_CASE("without windows a block more holds a block's tokens more") {
  MemoryBudget budget = budget_of(without_windows(), 200'000'000);
  budget.num_blocks = 255;

  CHECK_THAT(refusal_of(budget), Catch::Matchers::ContainsSubstring("at most 4080 would fit"));
  CHECK(kv_concurrency(budget, 4080) == 1.0);
  budget.num_blocks = 256;
  CHECK(refusal_of(budget).empty());
}
