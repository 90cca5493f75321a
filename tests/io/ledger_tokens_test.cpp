// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <vector>

#include "io/ledger/saved_tokens.hpp"
#include "io/ledger/work_left.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;

namespace {

SavedTokens with_logprobs() {
  return {.request = 5,
          .sample = 1,
          .first = 2,
          .num_top = 2,
          .tokens = {10, 11},
          .logprobs = {-1.0F, -2.0F},
          .ranks = {1, 4},
          .top_tokens = {10, 3, 7, 8},
          .top_logprobs = {-1.0F, -1.5F, -0.5F, -0.75F}};
}

}  // namespace

TEST_CASE("tokens of an answer come back from a record as they were") {
  for (SavedTokens const& saved :
       {with_logprobs(), SavedTokens{.request = 1, .tokens = {1, 2}}, SavedTokens{}}) {
    CHECK(parse_saved_tokens(format_saved_tokens(saved)) == saved);
  }
}

TEST_CASE("what isn't a record of tokens is none, wherever it is cut") {
  std::string const payload = format_saved_tokens(with_logprobs());
  for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
    CHECK_FALSE(parse_saved_tokens(payload.substr(0, bytes)));
  }
  CHECK_FALSE(parse_saved_tokens(payload + "x"));
  CHECK_FALSE(parse_saved_tokens(std::string(32, '\xFF')));
}

TEST_CASE("tokens are put together in order; a later record of the same ones counts") {
  SavedTokens all{.request = 5, .sample = 1};
  CHECK_FALSE(all.append(with_logprobs()));  // the first two are missing
  SavedTokens start = with_logprobs();
  start.first = 0;
  CHECK(all.append(start));
  CHECK(all.append(with_logprobs()));
  CHECK(all.tokens == std::vector<std::int32_t>{10, 11, 10, 11});
  CHECK(all.top_tokens.size() == 8);

  SavedTokens again = with_logprobs();
  again.first = 1;
  CHECK(all.append(again));
  CHECK(all.tokens == std::vector<std::int32_t>{10, 10, 11});
  CHECK(all.logprobs == std::vector<float>{-1.0F, -1.0F, -2.0F});
  CHECK(all.top_tokens == std::vector<std::int32_t>{10, 3, 10, 3, 7, 8});

  SavedTokens const plain{.request = 5, .sample = 1, .first = 3, .tokens = {1}};
  CHECK_FALSE(all.append(plain));  // without log-probabilities
}

TEST_CASE("work that is left is found by its place") {
  std::vector<std::int64_t> const done{0, 3, 4, 9};
  WorkLeft const left = WorkLeft::from_bytes(WorkLeft{10, done}.to_bytes());
  CHECK(left.size() == 6);  // 1 2 5 6 7 8
  CHECK(left.at(0, 3) == std::vector<RequestRun>{{1, 2}, {5, 1}});
  CHECK(left.at(1, 1) == std::vector<RequestRun>{{2, 1}});
  CHECK(left.at(3, 100) == std::vector<RequestRun>{{6, 3}});
  CHECK(left.at(6, 5).empty());
  CHECK(left.at(2, 0).empty());

  CHECK(WorkLeft{10, {}}.at(0, 10) == std::vector<RequestRun>{{0, 10}});
  std::vector<std::int64_t> const all{0, 1, 2};
  CHECK(WorkLeft{3, all}.size() == 0);
  CHECK(WorkLeft{0, {}}.size() == 0);
}
