// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "io/requests/generation_defaults.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;

/// Any generation_config.json is refused, or gives defaults that can be described.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const folder =
      std::filesystem::temp_directory_path() / concat("talus-fuzz-generation-", ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "generation_config.json", std::ios::binary} << test::text_of(data, size);
  test::refuse_or_run("generation_config.json", [&] {
    auto const read = io::read_generation_defaults(folder);
    test::require(io::describe(read).size() < 4096, "a description is short");
  });
  std::filesystem::remove_all(folder);
  return 0;
}
