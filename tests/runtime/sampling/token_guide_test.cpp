// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/token_guide.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "runtime/engine/replica_message.hpp"
#include "runtime/engine/step_rows.hpp"

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

namespace {

using Tokens = std::vector<std::int32_t>;

// A guide and the sequence it follows.
class Guided {
 public:
  Guided(TokenRules rules, Tokens prompt) : guide_{std::move(rules), prompt}, tokens_{prompt} {}

  // Draws `wanted`, unless another token is forced; returns what came.
  std::int32_t add(std::int32_t wanted) {
    std::int32_t const token = guide_.forced().value_or(wanted);
    tokens_.push_back(token);
    guide_.add(tokens_);
    return token;
  }

  Tokens add_all(Tokens const& wanted) {
    Tokens came;
    for (auto const token : wanted) {
      came.push_back(add(token));
    }
    return came;
  }

  [[nodiscard]] Tokens banned() const {
    auto const banned = guide_.edit().banned;
    return {banned.begin(), banned.end()};
  }

  [[nodiscard]] std::map<std::int32_t, std::int32_t> counts() const {
    std::map<std::int32_t, std::int32_t> counts;
    for (auto const& count : guide_.edit().counts) {
      CHECK(counts.emplace(count.token, count.in_output).second);
    }
    return counts;
  }

  [[nodiscard]] TokenGuide const& guide() const { return guide_; }

 private:
  TokenGuide guide_;
  Tokens tokens_;
};

// Whether the output ends with one pattern of a size in [min, max], count times in a row.
bool circles(Tokens const& output, RepetitionRule const& rule) {
  auto const length = static_cast<std::int32_t>(output.size());
  for (std::int32_t size = rule.min_size; size <= rule.max_size; ++size) {
    if (size * rule.min_count > length) {
      continue;
    }
    auto const end = output.end();
    bool equal = true;
    for (std::int32_t i = 1; i < rule.min_count; ++i) {
      equal = equal && std::equal(end - size, end, end - (i + 1) * size);
    }
    if (equal) {
      return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("a repetition penalty counts prompt and output, the others only the output") {
  Guided both{{.repetition_penalty = 1.5F}, {5, 7, 5}};
  Guided output{{.presence_penalty = 0.5F}, {5, 7, 5}};
  for (auto* const guided : {&both, &output}) {
    guided->add_all({7, 9, 9});
  }

  CHECK(both.counts() == std::map<std::int32_t, std::int32_t>{{5, 0}, {7, 1}, {9, 2}});
  CHECK(output.counts() == std::map<std::int32_t, std::int32_t>{{7, 1}, {9, 2}});
  CHECK(both.guide().edit().repetition_penalty == 1.5F);
  CHECK(output.guide().edit().presence_penalty == 0.5F);
}

TEST_CASE("without penalties nothing is counted") {
  Guided guided{{.min_tokens = 1}, {1, 2}};
  guided.add(3);
  CHECK(guided.counts().empty());
}

TEST_CASE("the tokens that end a text can't be drawn before min_tokens") {
  Guided guided{{.min_tokens = 2, .end_tokens = {3, 8}}, {1}};

  CHECK(guided.banned() == Tokens{3, 8});
  CHECK_FALSE(guided.guide().may_end());
  guided.add(4);
  CHECK(guided.banned() == Tokens{3, 8});
  guided.add(4);
  CHECK(guided.banned().empty());
  CHECK(guided.guide().may_end());
}

TEST_CASE("a bad word's last token can't follow the others, which count in the output alone") {
  Guided guided{{.bad_words = {{4}, {6, 7}, {6, 6, 9}, {5, 7}}}, {6}};

  CHECK(guided.banned() == Tokens{4});
  guided.add(6);
  CHECK(guided.banned() == Tokens{4, 7});
  guided.add(6);
  CHECK(guided.banned() == Tokens{4, 7, 9});
  guided.add(5);
  CHECK(guided.banned() == Tokens{4, 7});
  guided.add(1);
  CHECK(guided.banned() == Tokens{4});
}

TEST_CASE("thinking is closed when its budget is used up, and the answer follows") {
  ThinkingRule const rule{.budget = 3, .open = {100}, .close = {101, 102}};
  Guided guided{{.thinking = rule}, {1, 2}};

  // before the mark nothing counts; of the thinking three tokens stay
  CHECK(guided.add_all({5, 100, 6, 7, 8, 9, 9, 9, 9, 9}) ==
        Tokens{5, 100, 6, 7, 8, 101, 102, 9, 9, 9});
  // a second stretch has a budget of its own
  CHECK(guided.add_all({100, 6, 6, 6, 6, 6, 6}) == Tokens{100, 6, 6, 6, 101, 102, 6});
}

TEST_CASE("thinking that ends by itself is left alone") {
  Guided guided{{.thinking = {.budget = 3, .open = {100}, .close = {101}}}, {1}};
  Tokens const wanted = {100, 6, 7, 101, 8, 8, 8, 8};
  CHECK(guided.add_all(wanted) == wanted);
}

TEST_CASE("a prompt may begin the thinking, or have ended it") {
  ThinkingRule const rule{.budget = 2, .open = {100}, .close = {101}};
  Guided begun{{.thinking = rule}, {1, 100, 5}};
  Guided used_up{{.thinking = rule}, {100, 5, 5, 5, 5}};
  Guided ended{{.thinking = rule}, {100, 5, 5, 5, 101}};
  Guided none_left{{.thinking = {.budget = 0, .open = {100}, .close = {101}}}, {1}};
  Tokens const wanted = {7, 7, 7, 7};

  CHECK(begun.add_all(wanted) == Tokens{7, 101, 7, 7});
  CHECK(used_up.add_all(wanted) == Tokens{101, 7, 7, 7});
  CHECK(ended.add_all(wanted) == wanted);
  CHECK(none_left.add_all({100, 7, 7}) == Tokens{100, 101, 7});
}

TEST_CASE("circles are found where a comparison of all patterns finds them") {
  RepetitionRule const rule{
      .min_size = GENERATE(1, 2, 3), .max_size = GENERATE(3, 5), .min_count = GENERATE(2, 3)};
  std::mt19937 engine{7};
  Guided guided{{.repetition = rule}, {0, 0, 0, 0, 0, 0, 0, 0}};  // a prompt does not count
  Tokens output;
  int found = 0;
  for (int i = 0; i < 400; ++i) {
    output.push_back(static_cast<std::int32_t>(engine() % 2));
    guided.add(output.back());
    REQUIRE(guided.guide().is_circling() == circles(output, rule));
    found += guided.guide().is_circling() ? 1 : 0;
  }
  CHECK(found > 0);
  CHECK(found < 400);
}

TEST_CASE("a sequence ends where its rules let it") {
  Tokens const eos = {2};
  SequenceInput input{.prompt = {5, 6}, .max_tokens = 9};
  input.rules = TokenRules{.min_tokens = 3, .repetition = {1, 1, 2}};
  SequenceState sequence = start_sequence(input);

  append_token(sequence, 2, eos);  // too early to end
  append_token(sequence, 2, eos);  // and to go round in circles
  CHECK(sequence.end == SequenceEnd::running);
  append_token(sequence, 7, eos);
  CHECK(sequence.end == SequenceEnd::running);
  append_token(sequence, 7, eos);
  CHECK(sequence.end == SequenceEnd::repetition);
}

TEST_CASE("rules reach the other ranks of a replica") {
  ReplicaMessage message;
  SequenceInput input{.number = 4, .sample = 2, .num_samples = 3, .prompt = {1, 2}};
  message.arrivals.push_back(input);
  input.rules = TokenRules{.repetition_penalty = 1.25F,
                           .presence_penalty = -0.5F,
                           .frequency_penalty = 0.75F,
                           .min_tokens = 4,
                           .end_tokens = {2, 3},
                           .allowed = {1, 2, 9},
                           .biases = {{9, 2.5F}},
                           .bad_words = {{1, 2}, {3}},
                           .thinking = {.budget = 8, .open = {6}, .close = {7, 8}},
                           .repetition = {.min_size = 2, .max_size = 5, .min_count = 3}};
  message.arrivals.push_back(input);
  std::vector<std::byte> bytes;

  encode(message, bytes);
  ReplicaMessage const copy = decode(bytes);

  REQUIRE(copy.arrivals.size() == 2);
  CHECK_FALSE(copy.arrivals[0].rules);
  CHECK(copy.arrivals[0].sample == 2);
  CHECK(copy.arrivals[0].num_samples == 3);
  REQUIRE(copy.arrivals[1].rules);
  TokenRules const& rules = *copy.arrivals[1].rules;
  CHECK(rules.repetition_penalty == 1.25F);
  CHECK(rules.presence_penalty == -0.5F);
  CHECK(rules.frequency_penalty == 0.75F);
  CHECK(rules.min_tokens == 4);
  CHECK(rules.end_tokens == input.rules->end_tokens);
  CHECK(rules.allowed == input.rules->allowed);
  REQUIRE(rules.biases.size() == 1);
  CHECK(rules.biases[0].token == 9);
  CHECK(rules.biases[0].bias == 2.5F);
  CHECK(rules.bad_words == input.rules->bad_words);
  CHECK(rules.thinking.budget == 8);
  CHECK(rules.thinking.open == Tokens{6});
  CHECK(rules.thinking.close == Tokens{7, 8});
  CHECK(rules.repetition.max_size == 5);
  CHECK(rules.repetition.min_count == 3);
}

TEST_CASE("a forced token is no draw, and rules of one sequence leave the next alone") {
  std::vector<SequenceState> sequences;
  SequenceInput input{.prompt = {100, 1}, .logprobs = 2};
  sequences.push_back(start_sequence(input));
  input.rules = TokenRules{.thinking = {.budget = 0, .open = {100}, .close = {101}}};
  sequences.push_back(start_sequence(input));
  input.rules = TokenRules{.allowed = {3, 4}};
  sequences.push_back(start_sequence(input));
  StepPlan plan;
  for (std::int32_t id = 0; id < 3; ++id) {
    plan.entries.push_back({.sequence = SequenceId{id}, .num_tokens = 2, .samples = true});
  }
  StepRows rows;

  rows.build(plan, sequences);

  REQUIRE(rows.rows.size() == 3);
  CHECK(rows.rows[0].target == -1);
  CHECK(rows.rows[0].edit.is_empty());
  CHECK(rows.rows[1].target == 101);
  CHECK(rows.rows[1].edit.is_empty());
  CHECK(rows.rows[1].num_top == 2);
  CHECK(rows.rows[2].target == -1);
  CHECK(rows.rows[2].edit.allowed.size() == 2);
}
