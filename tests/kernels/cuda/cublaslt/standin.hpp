// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

/// \file
/// What the stand-in of cuBLASLt says of itself: a library that tests link, which is found under
/// cuBLASLt's name, checks what it is asked for as the documentation has it, and computes in the
/// host's memory.

namespace talus::test {

/// How it behaves from now on.
struct StandinRules {
  bool finds_nothing = false;    ///< the heuristic has no algorithm for anything
  int capability = 90;           ///< of the card: 90 is 9.0
  std::int64_t most_inputs = 0;  ///< of fp8; 0: any
};

struct StandinCounts {
  std::int64_t products = 0;
  std::int64_t heuristics = 0;
  std::int64_t biases = 0;   ///< products with one
  std::int64_t codes = 0;    ///< products of fp8
  std::int64_t objects = 0;  ///< that are there
};

}  // namespace talus::test

// Functions that cuBLASLt hasn't.
extern "C" {
void talus_standin_set(talus::test::StandinRules const* rules);
void talus_standin_counts(talus::test::StandinCounts* counts);
/// What was wrong with the last call that wasn't right; empty: all were.
char const* talus_standin_error();
}
