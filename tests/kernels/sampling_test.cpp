// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::int32_t draw(ExecContext const& exec, std::vector<float> const& logits, SampleRule rule) {
  std::int32_t token = -1;
  MatrixView<float const> const row{logits.data(), 1, std::ssize(logits), std::ssize(logits)};
  sample(exec, row, {&rule, 1}, {&token, 1});
  return token;
}

/// Logits whose shares at temperature 1 are the given ones.
std::vector<float> logits_of(std::vector<float> const& shares) {
  std::vector<float> logits;
  for (float const share : shares) {
    logits.push_back(std::log(share));
  }
  return logits;
}

}  // namespace

TEST_CASE("greedy sampling takes the greatest logit, the lower token of equal ones") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};

  CHECK(draw(exec, {1.0F, 5.0F, -2.0F, 5.0F}, {.temperature = 0.0F, .uniform = 0.9F}) == 1);
}

TEST_CASE("sampling walks candidates by share, then by token") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  std::vector<float> const logits = logits_of({0.2F, 0.4F, 0.2F, 0.1F, 0.1F});  // 1 0 2 3 4

  CHECK(draw(exec, logits, {.uniform = 0.0F}) == 1);
  CHECK(draw(exec, logits, {.uniform = 0.39F}) == 1);
  CHECK(draw(exec, logits, {.uniform = 0.41F}) == 0);
  CHECK(draw(exec, logits, {.uniform = 0.59F}) == 0);
  CHECK(draw(exec, logits, {.uniform = 0.61F}) == 2);
  CHECK(draw(exec, logits, {.uniform = 0.85F}) == 3);
  CHECK(draw(exec, logits, {.uniform = 0.99F}) == 4);
}

TEST_CASE("top_k, top_p and min_p cut the candidates, each on what the one before left") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  std::vector<float> const logits = logits_of({0.2F, 0.4F, 0.2F, 0.1F, 0.1F});
  float const last = 0.999F;

  CHECK(draw(exec, logits, {.top_k = 2, .uniform = last}) == 0);
  CHECK(draw(exec, logits, {.top_p = 0.5F, .uniform = last}) == 0);
  CHECK(draw(exec, logits, {.top_p = 0.7F, .uniform = last}) == 2);
  CHECK(draw(exec, logits, {.top_k = 2, .top_p = 0.6F, .uniform = last}) == 1);  // 0.4 of 0.6
  CHECK(draw(exec, logits, {.min_p = 0.3F, .uniform = last}) == 2);
  CHECK(draw(exec, logits, {.min_p = 1.0F, .uniform = last}) == 1);
  CHECK(draw(exec, logits, {.top_p = 1e-6F, .uniform = last}) == 1);
}

TEST_CASE("a low temperature sharpens, a high one flattens") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  std::vector<float> const logits = logits_of({0.25F, 0.5F, 0.25F});

  CHECK(draw(exec, logits, {.temperature = 0.1F, .uniform = 0.99F}) == 1);
  CHECK(draw(exec, logits, {.temperature = 1000.0F, .uniform = 0.99F}) == 2);
  CHECK(draw(exec, logits, {.temperature = 1000.0F, .uniform = 0.34F}) == 0);
}

TEST_CASE("sampling draws what the reference draws") {
  std::int64_t const vocab = GENERATE(1, 15, 17, 4097, 40000);
  float const spread = GENERATE(0.0F, 1.0F, 8.0F);  // 0: all candidates are equal
  Matrix logits = random_matrix(24, vocab, 1);
  for (float& logit : logits.data) {
    logit *= spread;
  }
  std::vector<SampleRule> rules;
  std::mt19937 engine{2};
  std::uniform_real_distribution<float> uniform{0.0F, 1.0F};
  for (std::int32_t i = 0; i < 24; ++i) {
    rules.push_back({.temperature = 0.5F + uniform(engine),
                     .top_k = i % 2 == 0 ? 0 : i * 5,
                     .top_p = i % 3 == 0 ? 1.0F : 0.1F + 0.85F * uniform(engine),
                     .min_p = i % 4 == 0 ? 0.05F * uniform(engine) : 0.0F,
                     .uniform = uniform(engine)});
  }
  std::vector<std::int32_t> tokens(24);
  std::vector<std::int32_t> wanted(24);

  sample(on_kokkos, std::as_const(logits).view(), rules, tokens);
  sample(on_reference, std::as_const(logits).view(), rules, wanted);

  // Where a boundary between two tokens falls within rounding of the random number, both are right.
  int differing = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    differing += tokens[i] == wanted[i] ? 0 : 1;
  }
  CHECK(differing <= (vocab > 1000 ? 2 : 0));
}

TEST_CASE("sampling stays in range when logits are not numbers") {
  std::vector<float> logits(100, -INFINITY);
  CHECK(draw(on_kokkos, logits, {.uniform = 0.5F}) < 100);
  logits[3] = NAN;
  CHECK(draw(on_kokkos, logits, {.uniform = 0.5F}) >= 0);
}

TEST_CASE("log_sum_exp agrees with the reference and gives probabilities that sum to one") {
  std::int64_t const vocab = GENERATE(1, 16, 31, 5000, 40000);
  Matrix const logits = random_matrix(3, vocab, 3);
  std::vector<float> sums(3);
  std::vector<float> wanted(3);

  log_sum_exp(on_kokkos, logits.view(), sums);
  log_sum_exp(on_reference, logits.view(), wanted);

  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(sums[i] == Catch::Approx(wanted[i]).epsilon(1e-6));
  }
  double total = 0.0;
  for (std::int64_t v = 0; v < vocab; ++v) {
    total += std::exp(static_cast<double>(logits.at(0, v) - sums[0]));
  }
  CHECK(total == Catch::Approx(1.0).epsilon(1e-5));
}

TEST_CASE("top_tokens are the greatest logits in order, equal ones by token") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  std::vector<float> const logits = {1.0F, 7.0F, 3.0F, 7.0F, 3.0F, 0.0F};
  std::vector<std::int32_t> ids(GENERATE(std::size_t{0}, 1U, 4U, 6U));
  std::vector<std::int32_t> const order = {1, 3, 2, 4, 0, 5};

  top_tokens(exec, logits, ids);

  CHECK(std::equal(ids.begin(), ids.end(), order.begin()));
  CHECK(rank_of(exec, logits, 3) == 1);
  CHECK(rank_of(exec, logits, 4) == 3);
  CHECK(rank_of(exec, logits, 5) == 6);
}

TEST_CASE("rules that mean nothing are refused") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};

  CHECK_THROWS_AS(draw(exec, {1.0F}, {.temperature = -1.0F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.top_p = 0.0F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.top_k = -1}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.min_p = 1.5F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.uniform = 1.0F}), ConfigError);
}
