// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "kernels/sampling.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

TEST_CASE("tokens that are drawn go to the rows that wait for them, and to no others") {
  ExecContext const exec = any_backend();
  auto const rows = GENERATE(0, 1, 31, 33, 300);
  CAPTURE(name_of(exec.backend), rows);
  std::vector<std::int32_t> const tokens{7, 300, 12};
  std::vector<std::int32_t> sources;
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> expected;
  for (std::int32_t row = 0; row < rows; ++row) {
    sources.push_back(row % 4 - 1);
    ids.push_back(1'000 + row);
    expected.push_back(row % 4 == 0 ? 1'000 + row : tokens[static_cast<std::size_t>(row % 4 - 1)]);
  }

  take_drawn(exec, sources, tokens, ids);

  CHECK(ids == expected);
  if (rows > 0) {
    sources.back() = 3;
    CHECK_THROWS_WITH(take_drawn(exec, sources, tokens, ids),
                      ContainsSubstring("take_drawn: source = 3"));
  }
}
