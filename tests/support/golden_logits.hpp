// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/golden_model.hpp"

namespace talus::test {

/// What transformers says of the prompt and of its own greedy continuation: one row a token.
inline std::vector<float> expected_logits(GoldenModel const& golden) {
  std::vector<float> rows = golden.prompt_logits;
  auto const vocab = static_cast<std::ptrdiff_t>(golden.spec.vocab);
  rows.insert(rows.end(), golden.decoded_logits.begin() + vocab, golden.decoded_logits.end());
  return rows;
}

/// The prompt and the tokens decoded, but the last one.
inline std::vector<std::int32_t> all_tokens(GoldenModel const& golden) {
  std::vector<std::int32_t> tokens = golden.prompt;
  tokens.insert(tokens.end(), golden.decoded.begin(), std::prev(golden.decoded.end()));
  return tokens;
}

struct Difference {
  float largest = 0.0F;
  float root_mean_square = 0.0F;
};

inline Difference difference_of(std::vector<float> const& a, std::vector<float> const& b) {
  REQUIRE(a.size() == b.size());
  Difference found;
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    float const difference = std::abs(a[i] - b[i]);
    found.largest =
        difference > found.largest || std::isnan(difference) ? difference : found.largest;
    squares += double{difference} * double{difference};
  }
  found.root_mean_square = static_cast<float>(std::sqrt(squares / static_cast<double>(a.size())));
  return found;
}

/// Checks that logits are no further from transformers' in float32 than its own in bfloat16 are.
inline void check_as_near_as_bfloat16(std::string const& name,
                                      GoldenModel const& golden,
                                      std::vector<float> const& logits) {
  Difference const found = difference_of(logits, expected_logits(golden));
  auto const [largest, root_mean_square] = golden.bfloat16_difference;
  INFO(name << ": " << found.largest << " of " << largest << ", r.m.s. " << found.root_mean_square
            << " of " << root_mean_square);
  // In a mixture a rounding flips an expert here and there: how many is luck, on both sides.
  bool const flips = golden.spec.has_experts();
  CHECK(found.root_mean_square <= root_mean_square * (flips ? 3.0 : 1.0));
  CHECK((flips || found.largest <= largest));
}

/// The first tokens at once, the others in chunks.
inline std::vector<float> run_in_chunks(LoadedModel& model,
                                        std::vector<std::int32_t> const& tokens,
                                        std::ptrdiff_t chunk,
                                        std::ptrdiff_t first = 0) {
  std::vector<float> logits;
  model.restart();
  for (auto at = tokens.begin(); at != tokens.end();) {
    std::ptrdiff_t const wanted = at == tokens.begin() && first > 0 ? first : chunk;
    auto const end = at + std::min(wanted, tokens.end() - at);
    std::vector<float> const piece = model.run({at, end});
    logits.insert(logits.end(), piece.begin(), piece.end());
    at = end;
  }
  return logits;
}

}  // namespace talus::test
