// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/philox.hpp"

#include <cmath>
#include <set>

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

TEST_CASE("philox gives the known answers of Random123") {
  using Words = std::array<std::uint32_t, 4>;
  constexpr std::uint32_t ones = 0xFFFFFFFFU;

  CHECK(philox({0, 0}, {0, 0, 0, 0}) == Words{0x6627E8D5U, 0xE169C58DU, 0xBC57AC4CU, 0x9B00DBD8U});
  CHECK(philox({ones, ones}, {ones, ones, ones, ones}) ==
        Words{0x408F276DU, 0x41C83B0EU, 0xA20BC7C6U, 0x6D5451FDU});
  CHECK(philox({0xA4093822U, 0x299F31D0U}, {0x243F6A88U, 0x85A308D3U, 0x13198A2EU, 0x03707344U}) ==
        Words{0xD16CFE09U, 0x94FDCCEBU, 0x5001E420U, 0x24126EA1U});
}

TEST_CASE("uniform numbers are multiples of 2^-24 in [0, 1), spread evenly") {
  constexpr std::uint32_t count = 20000;
  double sum = 0.0;
  double squares = 0.0;
  for (std::uint32_t i = 0; i < count; ++i) {
    float const value = uniform({.seed = 7, .request = 3, .sample = 0, .position = i});
    REQUIRE(value >= 0.0F);
    REQUIRE(value < 1.0F);
    REQUIRE(value * 0x1p24F == std::floor(value * 0x1p24F));
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  // Four standard deviations of the means of 20,000 draws.
  CHECK_THAT(sum / count, Catch::Matchers::WithinAbs(0.5, 0.0082));
  CHECK_THAT(squares / count, Catch::Matchers::WithinAbs(1.0 / 3.0, 0.0085));
}

TEST_CASE("each part of a place counts, both halves of the long ones") {
  constexpr std::uint64_t high_bit = std::uint64_t{1} << 40U;
  RandomPlace const base{.seed = 5, .request = 9, .sample = 1, .position = 100};
  std::set<float> values{uniform(base)};
  for (auto const& change : {+[](RandomPlace& place) { place.seed += 1; },
                             +[](RandomPlace& place) { place.seed += high_bit; },
                             +[](RandomPlace& place) { place.request += 1; },
                             +[](RandomPlace& place) { place.request += high_bit; },
                             +[](RandomPlace& place) { place.sample += 1; },
                             +[](RandomPlace& place) { place.position += 1; }}) {
    RandomPlace place = base;
    change(place);
    values.insert(uniform(place));
  }

  CHECK(values.size() == 7);
  CHECK(uniform(base) == uniform(base));
}
