// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/kv_code_pairs.hpp"

#include <bit>

#include "kernels/block/kv_fragments.hpp"

#include <catch2/catch_template_test_macros.hpp>

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

/// The codes i, i + 1, i + 2 and i + 3, as one register has them.
std::uint32_t codes_from(std::uint32_t i) {
  std::uint32_t codes = 0;
  for (std::uint32_t k = 0; k < 4; ++k) {
    codes |= ((i + k) & 0xFFU) << (8 * k);
  }
  return codes;
}

std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

}  // namespace

TEMPLATE_TEST_CASE("codes become the numbers that they stand for",
                   "",
                   block::KvInt8,
                   block::KvE4m3) {
  for (std::uint32_t i = 0; i < 256; ++i) {
    block::Bf16Pairs const pairs = block::pairs_of<TestType>(codes_from(i));
    for (std::uint32_t k = 0; k < 4; ++k) {
      auto const code = static_cast<std::uint8_t>(i + k);
      float const wanted = TestType::value(code);
      auto const half = static_cast<std::uint16_t>(pairs[static_cast<int>(k % 2)] >> k / 2 * 16);
      INFO("code " << int{code} << " at place " << k);
      if (std::isnan(wanted)) {
        CHECK(std::abs(bf16_to_float(half)) == 480.0F);
      } else {
        CHECK(bits_of(bf16_to_float(half)) == bits_of(wanted));
      }
    }
  }
}

TEMPLATE_TEST_CASE("a query's elements stand where fragments have the key's",
                   "",
                   block::KvBfloat16,
                   block::KvInt8) {
  int const per_word = static_cast<int>(2 / sizeof(typename TestType::Element));
  for (std::int32_t element = 0; element < 64; ++element) {
    // The register of a key's piece that has it, whose lane, and which half of what it becomes.
    std::int32_t const word = element / per_word;
    int const lane = word % 8 / 2;
    int const byte = element % (2 * per_word);
    int const number = per_word == 1 ? word % 16 / 8 : byte % 2;
    int const half = per_word == 1 ? byte : byte / 2;

    std::int32_t const place = block::query_place<TestType>(element);

    CHECK(place / 16 == element / 16);
    CHECK(block::right_place(place % 16, 0) == block::FragmentPlace{lane, number, half});
  }
}
