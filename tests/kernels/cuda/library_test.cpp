// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/library.hpp"

#include <fstream>
#include <numeric>
#include <vector>

#include "kernels/cuda/packing.hpp"
#include "kernels/quantized.hpp"

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

#if TALUS_HAS_CUDA_MODULE
TEST_CASE("the module packs codes as the program does that has no GPU to pack for") {
  Operations there;
  open_library(module_paths()).module->set_operations(there);
  Operations const here = packing_operations();
  constexpr std::int64_t out = 70;
  constexpr std::int64_t in = 300;
  std::vector<std::uint8_t> codes(out * in);
  std::iota(codes.begin(), codes.end(), std::uint8_t{0});
  for (QuantFormat const& format : {QuantFormat{QuantKind::int8, 0, false, 1},
                                    QuantFormat{QuantKind::int4, 32, true, 1},
                                    QuantFormat{QuantKind::mxfp4, 32, false, 1},
                                    QuantFormat{QuantKind::fp8_e4m3, 128, false, 128}}) {
    std::int64_t const groups = groups_of(format, in);
    std::vector<float> scales(static_cast<std::size_t>(out * groups));
    std::iota(scales.begin(), scales.end(), 1.0F);
    std::vector<std::uint8_t> const zeros(scales.size(), 7);
    QuantRows const rows{format, out, in, codes.data(), in, scales.data(), zeros.data(), groups};
    QuantStorage const storage{format};
    auto const packed = [&](CodeOperations const& by) {
      std::vector<std::byte> bytes(static_cast<std::size_t>(by.bytes(out, in, storage)));
      by.pack({bytes.data(), in, storage}, {}, rows);
      return bytes;
    };
    CHECK(packed(here.codes) == packed(there.codes));
  }
  CHECK(here.codes.panel_outputs == there.codes.panel_outputs);
}
#endif

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
