// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

/// Any text is refused, or read to what the library itself reads of it, and printed and read back.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = test::text_of(data, size);
  test::refuse_or_run("input.json", [&] {
    io::Json const value = io::parse_json(text, "input.json");
    require(value == io::Json::parse(text), "as the library reads it");
    require(io::parse_json(value.dump(), "printed") == value, "printed and read back");
    require(!io::show_json(value).empty(), "shown");
  });
  static_cast<void>(io::show_text(text));
  return 0;
}
