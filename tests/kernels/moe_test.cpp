// SPDX-License-Identifier: Apache-2.0
#include "kernels/moe.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/elementwise.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

struct Routes {
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
};

Routes routes(ExecContext const& exec,
              MatrixView<float const> logits,
              std::vector<float> const& bias,
              RoutingRule const& rule) {
  auto const size = static_cast<std::size_t>(logits.rows * rule.top_k);
  Routes result{std::vector<std::int32_t>(size), std::vector<float>(size)};
  route(exec, logits, bias, rule, result.ids, result.weights);
  return result;
}

Matrix row(std::vector<float> const& values) {
  Matrix matrix{1, std::ssize(values)};
  std::copy(values.begin(), values.end(), matrix.data.begin());
  return matrix;
}

/// Qwen3-MoE's rule, and DeepSeek-V3's.
RoutingRule const softmax_rule{RouterScore::softmax, 4, 1, 1, true, 0.0F, 1.0F};
RoutingRule const grouped_rule{RouterScore::sigmoid, 6, 8, 3, true, 1e-20F, 2.5F};

}  // namespace

TEST_CASE("softmax routing worked out by hand, equal scores to the lower expert") {
  ExecContext const exec = any_backend();
  float const log2 = std::log(2.0F);  // shares 1, 2, 4, 2 of 9
  Matrix const logits = row({0.0F, log2, 2.0F * log2, log2});
  RoutingRule rule{RouterScore::softmax, 2, 1, 1, false, 0.0F, 1.0F};

  Routes const plain = routes(exec, logits.view(), {}, rule);
  rule.normalize = true;
  rule.scaling = 3.0F;
  Routes const normal = routes(exec, logits.view(), {}, rule);

  CHECK(plain.ids == std::vector<std::int32_t>{2, 1});
  CHECK(plain.weights[0] == Catch::Approx(4.0 / 9.0));
  CHECK(plain.weights[1] == Catch::Approx(2.0 / 9.0));
  CHECK(normal.weights[0] == Catch::Approx(2.0));
  CHECK(normal.weights[1] == Catch::Approx(1.0));
}

TEST_CASE("grouped sigmoid routing: the bias chooses groups and experts but does not weigh") {
  ExecContext const exec = any_backend();
  Matrix const logits = row({0.0F, 0.0F, 2.0F, -9.0F, 1.0F, 1.0F});  // groups of two
  std::vector<float> const bias = {1.0F, 0.5F, 0.0F, 0.0F, 0.0F, 0.0F};
  RoutingRule const rule{RouterScore::sigmoid, 2, 3, 1, false, 0.0F, 1.0F};

  Routes const chosen = routes(exec, logits.view(), bias, rule);

  CHECK(chosen.ids == std::vector<std::int32_t>{0, 1});
  CHECK(chosen.weights[0] == 0.5F);
  Routes const unbiased = routes(exec, logits.view(), {}, rule);
  CHECK(unbiased.ids == std::vector<std::int32_t>{4, 5});  // 0.73 twice beats 0.88 and 0
}

TEST_CASE("groups may be ranked by their best expert alone") {
  ExecContext const exec = any_backend();
  Matrix const logits = row({0.0F, 0.0F, 2.0F, -9.0F, 1.0F, 1.0F});  // groups of two
  RoutingRule rule{RouterScore::softmax, 2, 3, 1, false, 0.0F, 1.0F, GroupRank::best};

  CHECK(routes(exec, logits.view(), {}, rule).ids == std::vector<std::int32_t>{2, 3});
}

TEST_CASE("equal groups go to the lower one") {
  ExecContext const exec = any_backend();
  Matrix const logits = row({1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F});
  RoutingRule const rule{RouterScore::sigmoid, 3, 3, 2, true, 0.0F, 1.0F};

  CHECK(routes(exec, logits.view(), {}, rule).ids == std::vector<std::int32_t>{0, 1, 2});
}

TEST_CASE("routing agrees with the reference and has the same bits for one row and many") {
  ExecContext const fast = fast_backend();
  bool const grouped = GENERATE(false, true);
  RoutingRule rule = grouped ? grouped_rule : softmax_rule;
  rule.group_rank = GENERATE(GroupRank::best, GroupRank::best_two);
  Matrix const logits = random_matrix(90, 72, 1);
  std::vector<float> const bias(grouped ? 72 : 0, 0.25F);

  Routes const all = routes(fast, logits.view(), bias, rule);
  Routes const wanted = routes(on_reference, logits.view(), bias, rule);

  CHECK(all.ids == wanted.ids);
  for (std::size_t i = 0; i < all.weights.size(); ++i) {
    CHECK(all.weights[i] == Catch::Approx(wanted.weights[i]).epsilon(1e-6));
  }
  auto const top_k = static_cast<std::size_t>(rule.top_k);
  for (std::size_t t = 0; t < 90; ++t) {
    Routes const one = routes(fast, logits.part(static_cast<std::int64_t>(t), 1), bias, rule);
    CHECK(std::equal(one.weights.begin(), one.weights.end(), &all.weights[t * top_k]));
  }
}

TEST_CASE("combine_experts weighs rows in the order of choice") {
  ExecContext const exec = any_backend();
  Matrix const x = random_matrix(6, 19, 2);
  std::vector<std::int32_t> const rows = {5, 0, 2, 2};
  std::vector<float> const weights = {0.5F, 2.0F, 1.0F, -1.0F};
  Matrix y{2, 19};

  combine_experts(exec, x.view(), rows, weights, y.view());

  for (std::int64_t h = 0; h < 19; ++h) {
    CHECK(y.at(0, h) == Catch::Approx(0.5F * x.at(5, h) + 2.0F * x.at(0, h)).margin(1e-6));
    CHECK(y.at(1, h) == 0.0F);
  }
  CHECK(y.at(1, 19) == Matrix::untouched);
}

TEST_CASE("routing refuses groups that do not divide the experts, and too many choices") {
  ExecContext const exec = any_backend();
  Matrix const logits{1, 10};

  CHECK_THROWS_AS(routes(exec, logits.view(), {}, {RouterScore::sigmoid, 1, 3, 1}), ConfigError);
  CHECK_THROWS_AS(routes(exec, logits.view(), {}, {RouterScore::sigmoid, 3, 5, 1}), ConfigError);
  CHECK_THROWS_AS(routes(exec, logits.view(), {}, {RouterScore::softmax, 11}), ConfigError);
}

TEST_CASE("choices are ordered by expert, those of one expert as they come") {
  ExecContext const exec = any_backend();
  std::int64_t const tokens = GENERATE(0, 1, 5, 33, 700);
  std::int64_t const top_k = GENERATE(1, 3, 8);
  std::int32_t const experts = GENERATE(1, 2, 9, 70);
  auto const size = static_cast<std::size_t>(tokens * top_k);
  std::mt19937 engine{5};
  std::vector<std::int32_t> ids(size);
  for (std::int32_t& id : ids) {
    id = static_cast<std::int32_t>(engine() % static_cast<unsigned>(experts));
    id = id == 4 ? 0 : id;  // an expert that nobody chooses
  }
  std::vector<std::int32_t> wanted(size);
  std::iota(wanted.begin(), wanted.end(), 0);
  std::stable_sort(wanted.begin(), wanted.end(), [&](std::int32_t a, std::int32_t b) {
    return ids[static_cast<std::size_t>(a)] < ids[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(experts + 1), -1);
  std::vector<std::int32_t> token_rows(size, -1);
  std::vector<std::int32_t> choice_rows(size, -1);

  order_choices(exec, ids, top_k, {offsets, token_rows, choice_rows});

  for (std::size_t place = 0; place < size; ++place) {
    std::int32_t const choice = wanted[place];
    CHECK(token_rows[place] == choice / top_k);
    CHECK(choice_rows[static_cast<std::size_t>(choice)] == static_cast<std::int32_t>(place));
  }
  for (std::int32_t e = 0; e <= experts; ++e) {
    auto const before = std::count_if(ids.begin(), ids.end(), [e](auto id) { return id < e; });
    CHECK(offsets[static_cast<std::size_t>(e)] == before);
  }
}

TEST_CASE("an order without room for all choices, or for no expert, is refused") {
  ExecContext const exec = any_backend();
  std::vector<std::int32_t> const ids = {0, 1};
  std::vector<std::int32_t> two(2);
  std::vector<std::int32_t> one(1);

  CHECK_THROWS_AS(order_choices(exec, ids, 1, {one, two, two}), ConfigError);
  CHECK_THROWS_AS(order_choices(exec, ids, 1, {two, one, two}), ConfigError);
  CHECK_THROWS_AS(order_choices(exec, ids, 1, {two, two, one}), ConfigError);
  CHECK_THROWS_AS(order_choices(exec, ids, 0, {two, two, two}), ConfigError);
}

TEST_CASE("choices are counted, beside what was counted before") {
  ExecContext const exec = any_backend();
  std::size_t const choices = GENERATE(0U, 1U, 500U);
  std::vector<std::int32_t> ids(choices);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int32_t>(i * i % 7);
  }
  std::vector<std::int64_t> counts(8, std::int64_t{1} << 40);
  std::vector<std::int64_t> wanted = counts;
  for (std::int32_t const id : ids) {
    ++wanted[static_cast<std::size_t>(id)];
  }

  count_choices(exec, ids, counts);

  CHECK(counts == wanted);
}

TEST_CASE("the tokens of choices are gathered exactly") {
  ExecContext const exec = any_backend();
  Matrix const x = random_matrix(3, 37, 3);
  std::vector<std::int32_t> const token_rows = {2, 0, 2, 1};
  std::vector<std::int32_t> const offsets = {0, 1, 1, 4};
  Matrix y{4, 37};

  gather_tokens(exec, x.view(), token_rows, offsets, y.view());

  for (std::int64_t place = 0; place < 4; ++place) {
    for (std::int64_t j = 0; j < 37; ++j) {
      CHECK(y.at(place, j) == x.at(token_rows[static_cast<std::size_t>(place)], j));
    }
  }
  CHECK(y.at(3, 37) == Matrix::untouched);
  CHECK_THROWS_AS(gather_tokens(exec, x.view(), std::span{token_rows}.first(3), {}, y.view()),
                  ConfigError);
}

TEST_CASE("each expert's rows get its bias") {
  ExecContext const exec = any_backend();
  std::vector<std::int32_t> const offsets = {0, 0, 4, 4, 5, 9, 9};
  std::vector<std::vector<float>> biases;
  for (std::size_t e = 0; e < 6; ++e) {
    biases.emplace_back(21, static_cast<float>(e) + 0.25F);
  }
  Matrix y = random_matrix(9, 21, 4);
  Matrix wanted = y;
  for (std::size_t e = 0; e < 6; ++e) {
    add_bias(exec, biases[e], wanted.part(offsets[e], offsets[e + 1] - offsets[e]));
  }

  add_expert_biases(exec, biases, offsets, y.view());

  CHECK(y == wanted);
  add_expert_biases(exec, {}, offsets, y.view());
  CHECK(y == wanted);
  biases.back().pop_back();
  CHECK_THROWS_AS(add_expert_biases(exec, biases, offsets, y.view()), ConfigError);
}
