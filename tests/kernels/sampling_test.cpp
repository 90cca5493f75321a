// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// The summary of rows of logits.
struct Summary {
  Summary(ExecContext const& exec,
          MatrixView<float const> rows,
          std::vector<float> const& temperatures)
      : logits{rows},
        maxima{rows.rows, num_logit_blocks(rows.cols)},
        sums{rows.rows, num_logit_blocks(rows.cols)} {
    summarize_logits(exec, rows, temperatures, {maxima.view(), sums.view()});
  }

  operator SummarizedLogits() const {  // NOLINT: tests only
    return {logits, maxima.view(), sums.view()};
  }

  MatrixView<float const> logits;
  Matrix maxima;
  Matrix sums;
};

MatrixView<float const> row_view(std::vector<float> const& logits) {
  return {logits.data(), 1, std::ssize(logits), std::ssize(logits)};
}

Summary maxima_of(ExecContext const& exec, MatrixView<float const> rows) {
  return {exec, rows, std::vector<float>(static_cast<std::size_t>(rows.rows))};
}

std::vector<std::int32_t> draw_rows(ExecContext const& exec,
                                    MatrixView<float const> rows,
                                    std::vector<SampleRule> const& rules) {
  std::vector<float> temperatures;
  for (SampleRule const& rule : rules) {
    temperatures.push_back(summary_temperature(rule, rows.cols));
  }
  std::vector<std::int32_t> tokens(rules.size(), -1);
  sample(exec, Summary{exec, rows, temperatures}, rules, tokens);
  return tokens;
}

std::int32_t draw(ExecContext const& exec, std::vector<float> const& logits, SampleRule rule) {
  return draw_rows(exec, row_view(logits), {rule}).front();
}

/// A token's rank in the only row.
std::int32_t rank_in(ExecContext const& exec, SummarizedLogits const& row, std::int32_t token) {
  std::int32_t rank = -1;
  rank_of(exec, row, {&token, 1}, {&rank, 1});
  return rank;
}

/// The logits after an edit.
std::vector<float> edited(ExecContext const& exec,
                          std::vector<float> logits,
                          LogitEdit const& edit) {
  edit_logits(exec, {logits.data(), 1, std::ssize(logits), std::ssize(logits)}, {&edit, 1});
  return logits;
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
  ExecContext const exec = any_backend();

  CHECK(draw(exec, {1.0F, 5.0F, -2.0F, 5.0F}, {.temperature = 0.0F, .uniform = 0.9F}) == 1);
}

TEST_CASE("sampling walks candidates by share, then by token") {
  ExecContext const exec = any_backend();
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
  ExecContext const exec = any_backend();
  std::vector<float> const logits = logits_of({0.2F, 0.4F, 0.2F, 0.1F, 0.1F});
  float const last = 0.999F;

  CHECK(draw(exec, logits, {.top_k = 2, .uniform = last}) == 0);
  CHECK(draw(exec, logits, {.top_p = 0.5F, .uniform = last}) == 0);
  CHECK(draw(exec, logits, {.top_p = 0.7F, .uniform = last}) == 2);
  CHECK(draw(exec, logits, {.top_k = 2, .top_p = 0.6F, .uniform = last}) == 1);  // 0.4 of 0.6
  CHECK(draw(exec, logits, {.min_p = 0.3F, .uniform = last}) == 2);
  CHECK(draw(exec, logits, {.min_p = 1.0F, .uniform = last}) == 1);
  CHECK(draw(exec, logits, {.top_p = 1e-6F, .uniform = last}) == 1);
  // min_p leaves 0.4 0.2 0.2, of which 0.7 are reached by all three; without it by the third too,
  // but 0.78 only by the fourth.
  CHECK(draw(exec, logits, {.top_p = 0.88F, .uniform = last}) == 3);
  CHECK(draw(exec, logits, {.top_p = 0.88F, .min_p = 0.4F, .uniform = last}) == 2);
  CHECK(draw(exec, logits, {.top_p = 0.74F, .min_p = 0.4F, .uniform = last}) == 0);
}

TEST_CASE("edits mask, shift and penalize logits in their order") {
  ExecContext const exec = any_backend();
  float const never = -INFINITY;
  std::vector<float> const logits = {1.0F, -1.0F, 2.0F, -2.0F, 4.0F, 0.0F};
  std::vector<std::int32_t> const allowed = {0, 2, 3, 5};
  std::vector<std::int32_t> const banned = {2, 4};
  std::vector<TokenBias> const biases = {{3, 5.0F}, {2, 100.0F}, {0, -3.0F}};
  std::vector<TokenCount> const counts = {{3, 2}, {0, 0}, {5, 1}};

  CHECK(edited(exec, logits, {.allowed = allowed}) ==
        std::vector{1.0F, never, 2.0F, -2.0F, never, 0.0F});
  CHECK(edited(exec, logits, {.banned = banned}) ==
        std::vector{1.0F, -1.0F, never, -2.0F, never, 0.0F});
  CHECK(edited(exec, logits, {.biases = biases}) ==
        std::vector{-2.0F, -1.0F, 102.0F, 3.0F, 4.0F, 0.0F});
  CHECK(edited(exec, logits, {.counts = counts, .repetition_penalty = 2.0F}) ==
        std::vector{0.5F, -1.0F, 2.0F, -4.0F, 4.0F, 0.0F});
  CHECK(edited(exec, logits, {.counts = counts, .frequency_penalty = 0.5F}) ==
        std::vector{1.0F, -1.0F, 2.0F, -3.0F, 4.0F, -0.5F});
  CHECK(edited(exec, logits, {.counts = counts, .presence_penalty = 0.25F}) ==
        std::vector{1.0F, -1.0F, 2.0F, -2.25F, 4.0F, -0.25F});
  // all at once: a bias can't bring back what is banned, and penalties see the bias
  CHECK(edited(exec,
               logits,
               {.allowed = allowed,
                .banned = banned,
                .biases = biases,
                .counts = counts,
                .repetition_penalty = 2.0F,
                .frequency_penalty = 0.5F,
                .presence_penalty = 0.25F}) ==
        std::vector{-4.0F, never, never, 0.25F, never, -0.75F});
}

TEST_CASE("a ban that would leave nothing is not applied") {
  ExecContext const exec = any_backend();
  std::vector<std::int32_t> const allowed = {1, 2};
  std::vector<std::int32_t> const banned = {0, 1, 2};

  CHECK(edited(exec, {1.0F, 2.0F, 3.0F, 4.0F}, {.allowed = allowed, .banned = banned}) ==
        std::vector{-INFINITY, 2.0F, 3.0F, -INFINITY});
  CHECK(edited(exec, {1.0F, 2.0F, 3.0F}, {.banned = banned}) == std::vector{1.0F, 2.0F, 3.0F});
}

TEST_CASE("edits are the reference's bit by bit, and leave other rows alone") {
  ExecContext const fast = fast_backend();
  std::int64_t const vocab = 1999;
  std::mt19937 engine{3};
  Matrix logits = random_matrix(9, vocab, 4);
  std::vector<std::vector<std::int32_t>> allowed(9);
  std::vector<std::vector<std::int32_t>> banned(9);
  std::vector<std::vector<TokenBias>> biases(9);
  std::vector<std::vector<TokenCount>> counts(9);
  std::vector<LogitEdit> edits(9);
  for (std::size_t row = 0; row < 8; ++row) {
    for (std::int32_t token = 0; token < vocab; ++token) {
      if (row % 2 == 0 && engine() % 3 != 0) {
        allowed[row].push_back(token);
      }
      if (engine() % 5 == 0) {
        banned[row].push_back(token);
      }
      if (engine() % 7 == 0) {
        biases[row].push_back({token, static_cast<float>(engine() % 100) * 0.173F - 8.0F});
      }
      if (engine() % 2 == 0) {
        counts[row].push_back({token, static_cast<std::int32_t>(engine() % 4)});
      }
    }
    std::shuffle(biases[row].begin(), biases[row].end(), engine);
    std::shuffle(counts[row].begin(), counts[row].end(), engine);
    edits[row] = {.allowed = allowed[row],
                  .banned = banned[row],
                  .biases = biases[row],
                  .counts = counts[row],
                  .repetition_penalty = 1.3F,
                  .frequency_penalty = 0.7F,
                  .presence_penalty = -0.3F};
  }
  Matrix wanted = logits;
  Matrix const before = logits;

  edit_logits(fast, logits.view(), edits);
  edit_logits(on_reference, wanted.view(), edits);

  CHECK(logits.data == wanted.data);
  CHECK(std::equal(before.data.end() - vocab, before.data.end(), logits.data.end() - vocab));
  CHECK(logits.data != before.data);
}

TEST_CASE("what is masked is never drawn") {
  ExecContext const exec = any_backend();
  float const uniform = GENERATE(0.0F, 0.3F, 0.99999994F);
  Matrix const random = random_matrix(1, 5000, 5);
  std::vector<std::int32_t> const allowed = {7, 4099, 4998};
  std::vector<float> const logits = edited(exec, random.data, {.allowed = allowed});

  for (SampleRule const& rule : {SampleRule{.uniform = uniform},
                                 SampleRule{.temperature = 0.0F},
                                 SampleRule{.top_k = 50, .uniform = uniform},
                                 SampleRule{.top_p = 0.9999F, .uniform = uniform}}) {
    std::int32_t const token = draw(exec, logits, rule);
    CHECK(std::find(allowed.begin(), allowed.end(), token) != allowed.end());
  }
}

TEST_CASE("edits that mean nothing are refused") {
  ExecContext const exec = any_backend();
  std::vector<std::int32_t> const falling = {1, 0};
  std::vector<std::int32_t> const outside = {2};
  std::vector<TokenBias> const bias = {{-1, 1.0F}};
  std::vector<TokenCount> const count = {{2, 1}};

  CHECK_THROWS_AS(edited(exec, {1.0F, 2.0F}, {.allowed = falling}), ConfigError);
  CHECK_THROWS_AS(edited(exec, {1.0F, 2.0F}, {.banned = outside}), ConfigError);
  CHECK_THROWS_AS(edited(exec, {1.0F, 2.0F}, {.biases = bias}), ConfigError);
  CHECK_THROWS_AS(edited(exec, {1.0F, 2.0F}, {.counts = count}), ConfigError);
  CHECK_THROWS_AS(edited(exec, {1.0F}, {.banned = outside, .repetition_penalty = 0.0F}),
                  ConfigError);
}

TEST_CASE("a low temperature sharpens, a high one flattens") {
  ExecContext const exec = any_backend();
  std::vector<float> const logits = logits_of({0.25F, 0.5F, 0.25F});

  CHECK(draw(exec, logits, {.temperature = 0.1F, .uniform = 0.99F}) == 1);
  CHECK(draw(exec, logits, {.temperature = 1000.0F, .uniform = 0.99F}) == 2);
  CHECK(draw(exec, logits, {.temperature = 1000.0F, .uniform = 0.34F}) == 0);
}

namespace {

/// Rules of all kinds, the same in every run.
std::vector<SampleRule> random_rules(std::int32_t count) {
  std::vector<SampleRule> rules;
  std::mt19937 engine{2};
  std::uniform_real_distribution<float> uniform{0.0F, 1.0F};
  for (std::int32_t i = 0; i < count; ++i) {
    rules.push_back({.temperature = i % 7 == 6 ? 0.0F : 0.5F + uniform(engine),
                     .top_k = i % 2 == 0 ? 0 : i * 5,
                     .top_p = i % 3 == 0 ? 1.0F : 0.1F + 0.85F * uniform(engine),
                     .min_p = i % 4 == 0 ? 0.05F * uniform(engine) : 0.0F,
                     .uniform = uniform(engine)});
  }
  return rules;
}

/// Tokens that differ from the reference's.
int count_differing(ExecContext const& exec,
                    MatrixView<float const> logits,
                    std::vector<SampleRule> const& rules) {
  std::vector<std::int32_t> const tokens = draw_rows(exec, logits, rules);
  std::vector<std::int32_t> const wanted = draw_rows(on_reference, logits, rules);
  int differing = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    differing += tokens[i] == wanted[i] ? 0 : 1;
  }
  return differing;
}

}  // namespace

TEST_CASE("sampling draws what the reference draws") {
  ExecContext const fast = fast_backend();
  std::int64_t const vocab = GENERATE(1, 15, 17, 1024, 1025, 4097, 40000);
  float const spread = GENERATE(0.0F, 0.5F, 1.0F, 8.0F);  // 0: all candidates are equal
  Matrix logits = random_matrix(24, vocab, 1);
  for (float& logit : logits.data) {
    logit *= spread;
  }

  // Where a boundary between two tokens falls within rounding of the random number, both are right.
  int const allowed = vocab > 1000 ? 2 : 0;
  CHECK(count_differing(fast, std::as_const(logits).view(), random_rules(24)) <= allowed);
}

TEST_CASE("sampling draws what the reference draws where a few logits are far above the others") {
  ExecContext const fast = fast_backend();
  std::int64_t const vocab = 50021;
  float const height = GENERATE(6.0F, 14.0F, 40.0F, 1e6F);
  Matrix logits = random_matrix(24, vocab, 7);
  std::mt19937 engine{8};
  for (std::int64_t row = 0; row < logits.rows; ++row) {
    for (int i = 0; i < 4; ++i) {
      logits.at(row, static_cast<std::int64_t>(engine() % 50021)) += height + static_cast<float>(i);
    }
  }
  CHECK(count_differing(fast, std::as_const(logits).view(), random_rules(24)) <= 2);
}

TEST_CASE("sampling draws what the reference draws where many logits are equal") {
  ExecContext const fast = fast_backend();
  float const step = GENERATE(0.5F, 4.0F);
  Matrix logits = random_matrix(24, 30000, 9);
  for (float& logit : logits.data) {
    logit = std::floor(logit / step) * step;
  }
  CHECK(count_differing(fast, std::as_const(logits).view(), random_rules(24)) <= 2);
}

TEST_CASE("sampling draws what the reference draws of rows of which most is masked") {
  ExecContext const fast = fast_backend();
  Matrix logits = random_matrix(24, 30000, 10);
  for (std::int64_t row = 0; row < logits.rows; ++row) {
    for (std::int64_t v = 0; v < logits.cols; ++v) {
      logits.at(row, v) = v % (37 + 100 * row) == 5 ? logits.at(row, v) : -INFINITY;
    }
  }
  CHECK(count_differing(fast, std::as_const(logits).view(), random_rules(24)) <= 1);
}

TEST_CASE("what is drawn doesn't depend on the other rows") {
  ExecContext const fast = fast_backend();
  Matrix const logits = random_matrix(9, 20000, 11);
  std::vector<SampleRule> const rules = random_rules(9);
  std::vector<std::int32_t> const tokens = draw_rows(fast, logits.view(), rules);

  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const row = logits.part(static_cast<std::int64_t>(i), 1);
    CHECK(draw_rows(fast, row, {rules[i]}).front() == tokens[i]);
  }
}

TEST_CASE("a summary has each block's maximum and the sum of its shares") {
  ExecContext const fast = fast_backend();
  std::int64_t const vocab = GENERATE(1, 63, 64, 65, 5000);
  Matrix logits = random_matrix(3, vocab, 12);
  logits.at(1, vocab / 2) = NAN;
  logits.at(2, vocab - 1) = -INFINITY;
  std::vector<float> const temperatures = {0.7F, 2.0F, 0.0F};

  Summary const summary{fast, std::as_const(logits).view(), temperatures};
  Summary const wanted{on_reference, std::as_const(logits).view(), temperatures};

  CHECK(summary.maxima == wanted.maxima);
  CHECK(difference(summary.sums, wanted.sums) < 1e-6F);
  CHECK(summary.sums.at(2, 0) == 0.0F);
}

TEST_CASE("sampling stays in range when logits are not numbers") {
  ExecContext const fast = fast_backend();
  std::vector<float> logits(100, -INFINITY);
  CHECK(draw(fast, logits, {.uniform = 0.5F}) < 100);
  logits[3] = NAN;
  CHECK(draw(fast, logits, {.uniform = 0.5F}) >= 0);
}

TEST_CASE("log_sum_exp agrees with the reference and gives probabilities that sum to one") {
  ExecContext const fast = fast_backend();
  std::int64_t const vocab = GENERATE(1, 16, 31, 5000, 40000);
  Matrix const logits = random_matrix(3, vocab, 3);
  std::vector<float> sums(3);
  std::vector<float> wanted(3);

  log_sum_exp(fast, maxima_of(fast, logits.view()), sums);
  log_sum_exp(on_reference, maxima_of(on_reference, logits.view()), wanted);

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
  ExecContext const exec = any_backend();
  std::vector<float> const logits = {1.0F, 7.0F, 3.0F, 7.0F, 3.0F, 0.0F};
  std::vector<std::int32_t> ids(GENERATE(std::size_t{0}, 1U, 4U, 6U));
  std::vector<std::int32_t> const order = {1, 3, 2, 4, 0, 5};

  Summary const row = maxima_of(exec, row_view(logits));
  top_tokens(exec, row, std::vector{static_cast<std::int32_t>(ids.size())}, ids);

  CHECK(std::equal(ids.begin(), ids.end(), order.begin()));
  CHECK(rank_in(exec, row, 3) == 1);
  CHECK(rank_in(exec, row, 4) == 3);
  CHECK(rank_in(exec, row, 5) == 6);
}

TEST_CASE("top_tokens and ranks of a large vocabulary are the reference's") {
  ExecContext const fast = fast_backend();
  float const step = GENERATE(1e-6F, 0.5F);  // few or many equal ones
  Matrix logits = random_matrix(1, 20011, 13);
  for (float& logit : logits.data) {
    logit = std::floor(logit / step) * step;
  }
  Summary const row = maxima_of(fast, std::as_const(logits).view());
  Summary const same = maxima_of(on_reference, std::as_const(logits).view());
  std::vector<std::int32_t> ids(GENERATE(std::size_t{1}, 20U, 300U, 2000U, 20011U));
  std::vector<std::int32_t> wanted(ids.size());

  std::vector<std::int32_t> const counts{static_cast<std::int32_t>(ids.size())};
  top_tokens(fast, row, counts, ids);
  top_tokens(on_reference, same, counts, wanted);

  CHECK(ids == wanted);
  for (std::int32_t const token : {wanted.front(), wanted.back(), 0, 20010}) {
    CHECK(rank_in(fast, row, token) == rank_in(on_reference, same, token));
  }
}

TEST_CASE("each row has the top tokens, the rank and the logits that are asked of it") {
  ExecContext const exec = any_backend();
  Matrix const logits = random_matrix(9, GENERATE(5, 64, 65, 4097), 14);
  Summary const summary = maxima_of(exec, logits.view());
  SummarizedLogits const rows = summary;
  std::vector<std::int32_t> const counts = {3, 0, 1, 5, 0, 2, 4, 1, 0};
  std::vector<std::int32_t> const tokens = {0, -1, 2, 3, 1, -1, 4, 0, 2};
  std::vector<std::int32_t> ids(16, -1);
  std::vector<std::int32_t> ranks(9, -1);
  std::vector<float> values(16);

  top_tokens(exec, rows, counts, ids);
  rank_of(exec, rows, tokens, ranks);
  logits_of(exec, logits.view(), counts, ids, values);

  std::size_t next = 0;
  for (std::size_t t = 0; t < 9; ++t) {
    auto const row = static_cast<std::int64_t>(t);
    SummarizedLogits const own = rows_of(rows, row, 1);
    std::vector<std::int32_t> alone(static_cast<std::size_t>(counts[t]));
    top_tokens(exec, own, {&counts[t], 1}, alone);
    for (std::int32_t const id : alone) {
      CHECK(ids[next] == id);
      CHECK(values[next] == logits.at(row, id));
      ++next;
    }
    CHECK(ranks[t] == (tokens[t] < 0 ? 0 : rank_in(exec, own, tokens[t])));
  }
}

TEST_CASE("counts and tokens that the rows don't have are refused") {
  ExecContext const exec = any_backend();
  std::vector<float> const logits = {1.0F, 2.0F};
  Summary const row = maxima_of(exec, row_view(logits));
  std::vector<std::int32_t> ids(2);
  std::vector<float> values(2);
  auto const top = [&](std::vector<std::int32_t> const& counts) {
    top_tokens(exec, row, counts, ids);
  };
  auto const name = [&](std::vector<std::int32_t> const& tokens) {
    logits_of(exec, row_view(logits), std::vector{2}, tokens, values);
  };

  CHECK_THROWS_AS(top({}), ConfigError);
  CHECK_THROWS_AS(top({1}), ConfigError);
  CHECK_THROWS_AS(top({3}), ConfigError);
  CHECK_THROWS_AS(top({-1}), ConfigError);
  CHECK_THROWS_AS(rank_in(exec, row, 2), ConfigError);
  CHECK_THROWS_AS(rank_in(exec, row, -2), ConfigError);
  CHECK_THROWS_AS(name({0, 2}), ConfigError);
  CHECK_THROWS_AS(name({-1, 0}), ConfigError);
  CHECK_THROWS_AS(name({0}), ConfigError);
}

TEST_CASE("rules that mean nothing are refused") {
  ExecContext const exec = any_backend();

  CHECK_THROWS_AS(draw(exec, {1.0F}, {.temperature = -1.0F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.top_p = 0.0F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.top_k = -1}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.min_p = 1.5F}), ConfigError);
  CHECK_THROWS_AS(draw(exec, {1.0F}, {.uniform = 1.0F}), ConfigError);
}
