// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/row_search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/buffer.hpp"
#include "kernels/sampling.hpp"
#include "kernels/transfer.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using block::KeyBuckets;
using block::KeyRange;
using block::ShareUnits;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr float never = -INFINITY;

/// Rows of logits, and their summary by the emulated backend.
struct Rows {
  Rows(Matrix values, std::vector<SampleRule> const& rules)
      : logits{std::move(values)},
        maxima{logits.rows, num_logit_blocks(logits.cols)},
        sums{logits.rows, num_logit_blocks(logits.cols)} {
    std::vector<float> temperatures;
    for (std::int64_t t = 0; t < logits.rows; ++t) {
      SampleRule const rule = rules.empty() ? SampleRule{} : rules[static_cast<std::size_t>(t)];
      temperatures.push_back(summary_temperature(rule, logits.cols));
    }
    summarize_logits(
        on_cuda, std::as_const(logits).view(), temperatures, {maxima.view(), sums.view()});
  }

  [[nodiscard]] SummarizedLogits view() const {
    return {logits.view(), maxima.view(), sums.view()};
  }

  Matrix logits;
  Matrix maxima;
  Matrix sums;
};

/// One of each kind of rule, and some together.
std::vector<SampleRule> rules_of(std::int64_t rows, unsigned seed) {
  std::mt19937 engine{seed};
  std::uniform_real_distribution<float> uniform{0.0F, 1.0F};
  std::vector<SampleRule> const kinds = {{},
                                         {.temperature = 0.0F},
                                         {.top_k = 5},
                                         {.top_p = 0.9F},
                                         {.min_p = 0.02F},
                                         {.temperature = 3.0F, .top_k = 400, .top_p = 0.99F},
                                         {.temperature = 0.3F, .top_p = 0.999F, .min_p = 1e-6F},
                                         {.top_k = 70, .top_p = 0.5F, .min_p = 1e-3F}};
  std::vector<SampleRule> rules;
  for (std::int64_t t = 0; t < rows; ++t) {
    rules.push_back(kinds[static_cast<std::size_t>(t) % kinds.size()]);
    rules.back().uniform = uniform(engine);
  }
  return rules;
}

std::vector<std::int32_t> draw(Rows const& rows, std::vector<SampleRule> const& rules) {
  std::vector<std::int32_t> tokens(rules.size(), -1);
  sample(on_cuda, rows.view(), rules, tokens);
  return tokens;
}

/// Tokens of a row in the order of sampling.
std::vector<std::int32_t> order_of(Matrix const& logits, std::int64_t t) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(logits.cols));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return logits.at(t, a) > logits.at(t, b);
  });
  return order;
}

/// What is drawn of a row of numbers: sampling's definition, in the units that kernels add.
std::int32_t drawn_by_definition(Rows const& rows, std::int64_t t, SampleRule const& rule) {
  std::vector<std::int32_t> order = order_of(rows.logits, t);
  if (rule.temperature == 0.0F) {
    return order.front();
  }
  std::int64_t const vocab = rows.logits.cols;
  ShareUnits const share{
      rows.logits.at(t, order.front()), rule.temperature, block::units_of_one(vocab)};
  auto const share_of = [&](std::int32_t token) { return share.share(rows.logits.at(t, token)); };
  while (order.size() > 1 && share_of(order.back()) < rule.min_p) {
    order.pop_back();
  }
  bool const has_top_k = rule.top_k > 0 && rule.top_k < vocab;
  order.resize(std::min(order.size(), static_cast<std::size_t>(has_top_k ? rule.top_k : vocab)));
  std::vector<std::int64_t> upto;
  for (std::int32_t const token : order) {
    upto.push_back((upto.empty() ? 0 : upto.back()) + share.units(share_of(token)));
  }
  std::int64_t total = upto.back();
  if (!has_top_k && rule.min_p == 0.0F) {
    total = 0;
    for (std::int64_t b = 0; b < rows.maxima.cols; ++b) {
      total += share.units(share.share(rows.maxima.at(t, b)) * rows.sums.at(t, b));
    }
  }
  auto const first = [&](auto const& is_enough) {
    auto const found = std::find_if(upto.begin(), upto.end(), is_enough);
    return std::min<std::size_t>(static_cast<std::size_t>(found - upto.begin()), upto.size() - 1);
  };
  std::size_t last = upto.size() - 1;
  if (rule.top_p < 1.0F) {
    double const wanted = double{rule.top_p} * static_cast<double>(total);
    last = first([&](std::int64_t sum) { return static_cast<double>(sum) >= wanted; });
    total = upto[last];
  }
  double const drawn = double{rule.uniform} * static_cast<double>(total);
  auto const at = first([&](std::int64_t sum) { return static_cast<double>(sum) > drawn; });
  return order[std::min(at, last)];
}

Matrix spread_logits(std::int64_t rows, std::int64_t vocab, float spread, unsigned seed) {
  Matrix logits = random_matrix(rows, vocab, seed);
  for (float& logit : logits.data) {
    logit *= spread;
  }
  return logits;
}

void check_definition(Matrix const& logits, unsigned seed) {
  std::vector<SampleRule> const rules = rules_of(logits.rows, seed);
  Rows const rows{logits, rules};
  std::vector<std::int32_t> const tokens = draw(rows, rules);
  for (std::size_t t = 0; t < rules.size(); ++t) {
    INFO("row " << t);
    CHECK(tokens[t] == drawn_by_definition(rows, static_cast<std::int64_t>(t), rules[t]));
  }
}

}  // namespace

TEST_CASE("keys order as logits do, and what is not a number comes last") {
  std::vector<float> const ascending = {
      never, -3e38F, -1.0F, -1e-40F, 0.0F, 1e-40F, 1.0F, 1.0000001F, 3e38F, INFINITY};

  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    CHECK(block::key_of(ascending[i]) < block::key_of(ascending[i + 1]));
    CHECK(block::logit_of(block::key_of(ascending[i])) == ascending[i]);
  }
  CHECK(block::key_of(-0.0F) == block::key_of(0.0F));
  CHECK(block::key_of(NAN) == block::least_key);
  CHECK(block::key_of(-NAN) == block::least_key);
}

TEST_CASE("buckets are a range's parts, the greatest keys first") {
  float const width = GENERATE(0.0F, 1e-3F, 1.0F, 50.0F, INFINITY);
  auto const [least, greatest] = GENERATE(std::pair{-7.0F, 7.5F},
                                          std::pair{7.0F, 7.5F},
                                          std::pair{never, 1.0F},
                                          std::pair{never, INFINITY},
                                          std::pair{2.0F, 2.0F});
  KeyRange const range{block::key_of(least), block::key_of(greatest)};
  for (KeyBuckets const& buckets :
       {KeyBuckets::by_keys(range), KeyBuckets::by_logits(range, width)}) {
    std::uint32_t next = range.greatest;
    for (int bucket = buckets.of(range.greatest); bucket <= buckets.of(range.least); ++bucket) {
      KeyRange const part = buckets.range_of(bucket);
      if (part.least > part.greatest) {
        continue;  // rounding leaves it empty
      }
      CHECK(part.greatest == next);
      CHECK(buckets.of(part.greatest) == bucket);
      CHECK(buckets.of(part.least) == bucket);
      next = part.least - 1;
    }
    CHECK(next == range.least - 1);
    CHECK(buckets.of(range.greatest) == 0);
    CHECK(buckets.of(range.least) < KeyBuckets::count);
  }
}

TEST_CASE("what is drawn is what the definition says, in whole units") {
  std::int64_t const vocab = GENERATE(1, 2, 63, 64, 65, 4097, 9001);
  float const spread = GENERATE(0.0F, 1.0F, 7.0F);
  check_definition(spread_logits(16, vocab, spread, 21), 22);
}

TEST_CASE("what is drawn is what the definition says of equal and of masked logits") {
  Matrix logits = random_matrix(16, GENERATE(65, 4097), 23);
  bool const is_masked = GENERATE(false, true);
  for (std::int64_t t = 0; t < logits.rows; ++t) {
    for (std::int64_t v = 0; v < logits.cols; ++v) {
      float& logit = logits.at(t, v);
      logit = is_masked ? (v % 11 == t % 11 ? logit : never) : std::floor(logit * 2.0F);
    }
  }
  check_definition(logits, 24);
}

TEST_CASE("sampling has the same tokens by every schedule, for any number of rows") {
  std::int64_t const rows = GENERATE(1, 2, 9);
  std::vector<SampleRule> const rules = rules_of(rows, 25);
  Rows const all{spread_logits(rows, 4097, 0.7F, 26), rules};
  std::vector<std::int32_t> const wanted = draw(all, rules);

  check_schedules(wanted, [&] { return draw(all, rules); });
  for (std::size_t t = 0; t < rules.size(); ++t) {
    auto const own = rows_of(all.view(), static_cast<std::int64_t>(t), 1);
    std::vector<std::int32_t> token(1);
    sample(on_cuda, own, {&rules[t], 1}, token);
    CHECK(token.front() == wanted[t]);
  }
}

TEST_CASE("blocks whose maxima are far below are not read") {
  std::vector<SampleRule> const rules = {
      {.temperature = 0.0F}, {.uniform = 0.5F}, {.top_k = 3, .uniform = 0.99F}};
  Matrix logits = random_matrix(3, 200 * logit_block, 27);
  for (std::int64_t t = 0; t < 3; ++t) {
    for (std::int64_t b = 0; b < 200; ++b) {
      logits.at(t, b * logit_block + 5) = b < 100 ? 9.0F : 5.0F;
    }
  }
  Rows rows{logits, rules};
  std::vector<std::int32_t> const wanted = draw(rows, rules);
  for (std::int64_t t = 0; t < 3; ++t) {
    std::fill_n(&rows.logits.at(t, 100 * logit_block), 100 * logit_block, 1000.0F);
  }

  CHECK(draw(rows, rules) == wanted);
}

TEST_CASE("rows without a number, or with an infinite one, have tokens of the vocabulary") {
  std::int64_t const vocab = GENERATE(1, 64, 65, 300);
  auto const last = static_cast<std::int32_t>(vocab - 1);
  Matrix logits{6, vocab};
  std::fill(logits.data.begin(), logits.data.end(), NAN);
  std::fill_n(&logits.at(1, 0), vocab, never);
  logits.at(2, last) = 1.0F;
  logits.at(3, last) = never;
  logits.at(4, last) = INFINITY;
  std::fill_n(&logits.at(5, 0), vocab, -3e38F);
  logits.at(5, last) = 3e38F;
  for (SampleRule rule : rules_of(8, 28)) {
    std::vector<SampleRule> const rules(6, rule);
    std::vector<std::int32_t> const tokens = draw(Rows{logits, rules}, rules);
    CHECK(tokens == std::vector<std::int32_t>{0, 0, last, 0, last, last});
  }
}

TEST_CASE("top tokens are the order's first, by every schedule") {
  std::int64_t const vocab = GENERATE(1, 63, 64, 65, 4097);
  float const step = GENERATE(1e-6F, 0.5F);
  Matrix logits = random_matrix(5, vocab, 29);
  for (std::int64_t v = 0; v < vocab; ++v) {
    for (std::int64_t t = 0; t < 4; ++t) {
      logits.at(t, v) = std::floor(logits.at(t, v) / step) * step;
    }
    logits.at(3, v) = v % 3 == 0 ? logits.at(3, v) : never;
    logits.at(4, v) = never;
  }
  Rows const rows{logits, {}};
  auto const most = static_cast<std::int32_t>(vocab);
  std::vector<std::int32_t> const counts = {std::min(20, most), 0, 1, most, std::min(3, most)};
  std::vector<std::int32_t> wanted;
  for (std::int64_t t = 0; t < 5; ++t) {
    auto const order = order_of(logits, t);
    wanted.insert(wanted.end(), order.begin(), order.begin() + counts[static_cast<std::size_t>(t)]);
  }
  auto const run = [&] {
    std::vector<std::int32_t> ids(wanted.size(), -1);
    top_tokens(on_cuda, rows.view(), counts, ids);
    return ids;
  };

  CHECK(run() == wanted);
  check_schedules(wanted, run);
}

TEST_CASE("what is not a number is a row's last top token, and ranks by it are the first") {
  Matrix logits = random_matrix(1, 130, 30);
  logits.at(0, 7) = NAN;
  Rows const rows{logits, {}};
  std::vector<std::int32_t> ids(130);
  std::vector<std::int32_t> rank(1);

  top_tokens(on_cuda, rows.view(), std::vector{130}, ids);
  rank_of(on_cuda, rows.view(), std::vector{7}, rank);

  CHECK(ids.back() == 7);
  CHECK(rank.front() == 1);
}

TEST_CASE("ranks and logits have the same bits by every schedule") {
  Rows const rows{spread_logits(4, 4097, 2.0F, 31), {}};
  std::vector<std::int32_t> const tokens = {4096, -1, 0, 64};
  std::vector<std::int32_t> wanted(4);
  rank_of(on_reference, rows.view(), tokens, wanted);
  std::vector<std::int32_t> const counts = {2, 0, 3, 0};
  std::vector<std::int32_t> const named = {4096, 0, 1, 1, 64};
  std::vector<float> const values = {rows.logits.at(0, 4096),
                                     rows.logits.at(0, 0),
                                     rows.logits.at(2, 1),
                                     rows.logits.at(2, 1),
                                     rows.logits.at(2, 64)};

  check_schedules(wanted, [&] {
    std::vector<std::int32_t> ranks(4, -1);
    rank_of(on_cuda, rows.view(), tokens, ranks);
    return ranks;
  });
  check_schedules(values, [&] {
    std::vector<float> found(5);
    logits_of(on_cuda, rows.logits.view(), counts, named, found);
    return found;
  });
}

TEST_CASE("logits stay in a device's memory, and what is asked of them comes back") {
  block::emulation::FencedDevice device{1 << 20};
  ExecContext exec = on_cuda;
  exec.device = &device;
  Matrix const values = spread_logits(1, 4097, 3.0F, 33);
  Buffer<float> logits{exec, 4097};
  Buffer<float> maxima{exec, 65};
  Buffer<float> sums{exec, 65};
  upload(exec, std::span{values.data}.first(4097), logits.data());
  MatrixView<float const> const row{logits.data(), 1, 4097, 4097};
  LogitSummary const summary{{maxima.data(), 1, 65, 65}, {sums.data(), 1, 65, 65}};
  SummarizedLogits const rows{row, as_const(summary.maxima), as_const(summary.sums)};
  std::int32_t const best = order_of(values, 0).front();
  std::int32_t token = -1;
  std::int32_t top = -1;
  std::int32_t rank = -1;
  float logit = 0.0F;
  float log_sum = 0.0F;

  summarize_logits(exec, row, std::vector{1.0F}, summary);
  sample(exec, rows, std::vector<SampleRule>{{.top_k = 1}}, {&token, 1});
  top_tokens(exec, rows, std::vector{1}, {&top, 1});
  rank_of(exec, rows, std::vector{best}, {&rank, 1});
  logits_of(exec, row, std::vector{1}, std::vector{best}, {&logit, 1});
  log_sum_exp(exec, rows, {&log_sum, 1});

  CHECK(token == best);
  CHECK(top == best);
  CHECK(rank == 1);
  CHECK(logit == values.at(0, best));
  CHECK(log_sum > logit);
}

TEST_CASE("log_sum_exp agrees with sums in double precision, at the ends of pieces too") {
  std::int64_t const vocab = GENERATE(1, 63, 65, 16383, 16384, 16385, 40000);
  Rows const rows{spread_logits(2, vocab, 4.0F, 32), {}};
  std::vector<float> sums(2);
  log_sum_exp(on_cuda, rows.view(), sums);

  for (std::int64_t t = 0; t < 2; ++t) {
    double sum = 0.0;
    for (std::int64_t v = 0; v < vocab; ++v) {
      sum += std::exp(static_cast<double>(rows.logits.at(t, v)));
    }
    CHECK(sums[static_cast<std::size_t>(t)] == Catch::Approx(std::log(sum)).epsilon(3e-7));
  }
  check_schedules(sums, [&] {
    std::vector<float> same(2);
    log_sum_exp(on_cuda, rows.view(), same);
    return same;
  });
}

TEST_CASE("log_sum_exp leaves out what is masked or not a number") {
  Matrix logits{3, 70};
  std::fill(logits.data.begin(), logits.data.end(), never);
  logits.at(0, 3) = 2.0F;
  logits.at(0, 69) = 2.0F;
  logits.at(0, 5) = NAN;
  logits.at(1, 64) = -5.0F;
  Rows const rows{logits, {}};
  std::vector<float> sums(3);

  log_sum_exp(on_cuda, rows.view(), sums);

  CHECK(sums[0] == Catch::Approx(2.0 + std::log(2.0)));
  CHECK(sums[1] == -5.0F);
  CHECK(sums[2] == never);
}
