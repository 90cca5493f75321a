// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "io/tokenizer/tokenizer.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

namespace {

char const* const text = "The 1st caf\u00e9\n\n  costs \u4e00\u4e8c 12345 <s>[x]</s> don't \xFF";

}  // namespace

/// Any tokenizer.json is refused, or encodes a text and decodes the ids.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::refuse_or_run("tokenizer", [&] {
    std::string const json{test::text_of(data, size)};
    auto const tokenizer = io::Tokenizer::parse({.tokenizer_json = json});
    auto const ids = tokenizer.encode(text, io::AddSpecialTokens::yes);
    for (io::TokenId const id : ids) {
      require(id >= 0, "ids are not negative");
    }
    static_cast<void>(tokenizer.decode(ids, io::SkipSpecialTokens::no));
    static_cast<void>(tokenizer.decode(std::vector<io::TokenId>{-1, 0, 1, 0x7FFFFFFF},
                                       io::SkipSpecialTokens::yes));
  });
  return 0;
}
