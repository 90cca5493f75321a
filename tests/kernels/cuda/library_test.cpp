// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/library.hpp"

#include <fstream>

#include "tests/support/catch.hpp"

using namespace talus::kernels;        // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

TEST_CASE("where there is no module, it is said where it was looked for") {
  Library const library = open_library({"no/such/folder/libtalus_cuda.so", "nor/this.so"});

  CHECK(library.module == nullptr);
  CHECK_THAT(library.reason, ContainsSubstring("no/such/folder/libtalus_cuda.so, nor/this.so"));
}

TEST_CASE("a module that can't be opened, for lack of a library or of its entry, does no harm") {
  auto const broken = std::filesystem::temp_directory_path() / "talus_no_library.so";
  std::ofstream{broken} << "no library";
  CHECK_THAT(open_library({broken}).reason, ContainsSubstring("talus_no_library.so"));
  std::filesystem::remove(broken);

  Library const other = open_library({"/proc/self/exe"});  // a program is no module
  CHECK(other.module == nullptr);
  CHECK_FALSE(other.reason.empty());
}

TEST_CASE("the module is there if it was built, and GPUs or the reason why there are none") {
  Library const library = open_library(module_paths());
  Devices const devices = find_devices();
#if TALUS_HAS_CUDA_MODULE
  INFO(library.reason);
  REQUIRE(library.module != nullptr);
  Operations table;
  library.module->set_operations(table);
  CHECK(table.paged_attention != nullptr);
  CHECK(devices.found.empty() != devices.reason.empty());
  for (DeviceInfo const& device : devices.found) {
    CHECK(device.uuid.size() == 32);
    CHECK(device.memory_bytes > 0);
  }
  WARN((devices.reason.empty() ? devices.found.front().name : devices.reason));
#else
  CHECK(library.module == nullptr);
  CHECK(devices.found.empty());
  CHECK_THAT(devices.reason, ContainsSubstring("no module with kernels for NVIDIA GPUs"));
#endif
}
