// SPDX-License-Identifier: Apache-2.0
#include "io/requests/generation_defaults.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;

/// Any generation_config.json is refused, or gives defaults that can be described.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::refuse_or_run("generation_config.json", [&] {
    auto const read = io::parse_generation_defaults(std::string{test::text_of(data, size)},
                                                    "generation_config.json");
    test::require(io::describe(read).size() < 4096, "a description is short");
  });
  return 0;
}
