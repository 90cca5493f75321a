// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/gpu_arch.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "kernels/cuda/absent_device.hpp"
#include "kernels/cuda/library.hpp"
#include "kernels/packing.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;                 // NOLINT: tests only
using namespace talus::kernels;        // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

TEST_CASE("GPUs are named as nvcc names them") {
  CHECK(capability_from("sm_80") == 80);
  CHECK(capability_from("sm_90a") == 90);
  CHECK(capability_from("sm_100f") == 100);
  CHECK(capability_from("120") == 120);
  for (char const* const wrong : {"",
                                  "sm_",
                                  "a",
                                  "sm_75",
                                  "70",
                                  "sm_9000",
                                  "sm_-90",
                                  "sm_90b",
                                  "sm_90aa",
                                  "compute_90",
                                  "9.0",
                                  "hopper"}) {
    CHECK_THROWS_WITH(capability_from(wrong),
                      ContainsSubstring("--gpu-arch: " + std::string{wrong}));
  }
}

TEST_CASE("what cuBLASLt would multiply isn't guessed where no GPU is named") {
  CHECK_THROWS_WITH(make_absent_device(MatmulLibrary::cublaslt, std::nullopt),
                    ContainsSubstring("--gpu-arch is missing"));
  CHECK(make_absent_device(MatmulLibrary::own, std::nullopt) != nullptr);
}

TEST_CASE("memory of a GPU that isn't here is the host's") {
  std::unique_ptr<kernels::Device> const device =
      make_absent_device(MatmulLibrary::own, std::nullopt);
  std::array<char, 8> const from{"packing"};
  std::array<char, 8> to{};
  auto* const memory = static_cast<char*>(device->allocate(2 * from.size()));
  std::int64_t const changes = device->num_memory_changes();

  device->clear(memory, 2 * from.size());
  device->upload(from.data(), memory, from.size());
  device->copy(memory, memory + from.size(), from.size());
  device->download(memory + from.size(), to.data(), to.size());
  device->release(memory);

  CHECK(to == from);
  CHECK(device->num_memory_changes() == changes + 1);
  CHECK_THROWS_AS(device->make_fetch(1), ConfigError);
}

TEST_CASE("weights are packed for GPUs on every machine, and nothing is computed without one") {
  CHECK(packing_operations_of(Backend::cuda).codes.pack != nullptr);
  if (find_devices().found.empty()) {
    CHECK_THROWS_WITH(operations_of(Backend::cuda), ContainsSubstring("backend: cuda ("));
  }
}
