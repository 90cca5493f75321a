// SPDX-License-Identifier: Apache-2.0
#include "parallel/binding.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using Catch::Matchers::ContainsSubstring;

TEST_CASE("ranks with cores of their own are no finding") {
  std::vector<BoundRank> const ranks = {{0, {0, 1}}, {1, {2, 3}}, {2, {4}}, {3, {5}}};

  CHECK(binding_findings("n0", ranks, 8).empty());
}

TEST_CASE("ranks that may run anywhere, or in the same socket, share out their cores") {
  std::vector<BoundRank> const unbound = {{0, {0, 1, 2, 3}}, {1, {0, 1, 2, 3}}};
  std::vector<BoundRank> const sockets = {{0, {0, 1}}, {1, {0, 1}}, {2, {2, 3}}, {3, {2, 3}}};

  CHECK(binding_findings("n0", unbound, 4).empty());
  CHECK(binding_findings("n0", sockets, 4).empty());
}

TEST_CASE("more ranks than cores are told as one finding, bound or not") {
  std::vector<BoundRank> const unbound = {{0, {0, 1}}, {1, {0, 1}}, {2, {0, 1}}};
  std::vector<BoundRank> const bound = {{0, {0}}, {1, {1}}, {2, {0}}};

  for (auto const& ranks : {unbound, bound}) {
    auto const findings = binding_findings("n0", ranks, 2);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].kind == "crowded_host");
    CHECK(findings[0].text == "n0: 3 ranks on 2 cores (they take turns)");
    CHECK(findings[0].ranks == std::vector{0, 1, 2});
  }
}

TEST_CASE("ranks bound to the same core are named, though all of them are on it") {
  std::vector<BoundRank> const some = {{0, {0}}, {1, {1}}, {2, {2, 5}}, {3, {0}}};
  std::vector<BoundRank> const all = {{4, {0}}, {5, {0}}};  // two launchers, each on core 0

  auto const of_some = binding_findings("n0", some, 8);
  REQUIRE(of_some.size() == 1);
  CHECK(of_some[0].kind == "shared_cores");
  CHECK_THAT(of_some[0].text, ContainsSubstring("n0: ranks 0,3 are all bound to core 0 "));
  CHECK(of_some[0].ranks == std::vector{0, 3});
  auto const of_all = binding_findings("n0", all, 8);
  REQUIRE(of_all.size() == 1);
  CHECK_THAT(of_all[0].text, ContainsSubstring("n0: ranks 4,5 are all bound to core 0 "));
}

TEST_CASE("a group with fewer cores than ranks is told") {
  std::vector<BoundRank> const ranks = {{0, {0, 1}}, {1, {0, 1}}, {2, {0, 1}}, {3, {2, 3}}};

  auto const findings = binding_findings("n0", ranks, 4);

  REQUIRE(findings.size() == 1);
  CHECK_THAT(findings[0].text, ContainsSubstring("n0: ranks 0-2 are all bound to cores 0,1 "));
}

TEST_CASE("bindings that overlap are told once a host") {
  std::vector<BoundRank> const ranks = {{0, {0, 1, 2, 3}}, {1, {2, 3, 4, 5}}, {2, {6, 7}}};

  auto const findings = binding_findings("n0", ranks, 8);

  REQUIRE(findings.size() == 1);
  CHECK(findings[0].kind == "overlapping_cores");
  CHECK_THAT(findings[0].text, ContainsSubstring("n0: ranks 0,1 "));
  CHECK_THAT(findings[0].text, ContainsSubstring("overlap in 2,3 "));
  CHECK(findings[0].ranks == std::vector{0, 1});
}
