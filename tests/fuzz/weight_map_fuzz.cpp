// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "io/checkpoint/detail/weight_map.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;

/// No index of a checkpoint names a file that isn't beside it.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::refuse_or_run("index.json", [&] {
    for (auto const& [tensor, file] :
         io::detail::parse_weight_map(test::text_of(data, size), "index.json")) {
      std::filesystem::path const path{file};
      test::require(!path.is_absolute() && path.filename() == path && file != "..",
                    "a file beside the index");
    }
  });
  return 0;
}
