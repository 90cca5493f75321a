// SPDX-License-Identifier: Apache-2.0
#include "kernels/buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "kernels/cuda/library.hpp"
#include "kernels/targets.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

TEST_CASE("a buffer is aligned to a cache line, and moves") {
  std::int64_t const size = GENERATE(1, 1000, 3'000'000);
  Buffer<float> buffer{{}, size};
  buffer.span().back() = 2.0F;

  Buffer<float> const moved = std::move(buffer);

  CHECK(reinterpret_cast<std::uintptr_t>(moved.data()) % 64 == 0);
  CHECK(moved.bytes() == 4 * size);
  CHECK(moved.span().back() == 2.0F);
}

TEST_CASE("an empty buffer owns nothing") {
  CHECK(Buffer<float>{ExecContext{}, 0}.data() == nullptr);
}

TEST_CASE("memory that can't be had is named") {
  std::int64_t const bytes = std::numeric_limits<std::int64_t>::max() / 2;

  CHECK_THROWS_AS(allocate({}, bytes), OutOfMemory);
}

TEST_CASE("backends have names, and other names are refused") {
  CHECK(backend_from("reference") == Backend::reference);
  CHECK(backend_from(name_of(Backend::kokkos)) == Backend::kokkos);
  CHECK_THROWS_WITH(
      backend_from("rocm"),
      Catch::Matchers::ContainsSubstring("rocm (on this processor: reference, kokkos"));
}

TEST_CASE("a backend of GPUs is there, or it is said why not") {
  if (cuda::find_devices().found.empty()) {
    CHECK_THROWS_WITH(backend_from("cuda"),
                      Catch::Matchers::StartsWith("backend: cuda (") &&
                          !Catch::Matchers::StartsWith("backend: cuda ()"));
    auto const seen = visible_devices(Backend::cuda);
    REQUIRE(seen);
    CHECK(seen->found.empty());
    CHECK_FALSE(seen->reason.empty());
  } else {
    CHECK(backend_from("cuda") == Backend::cuda);
    CHECK_FALSE(visible_devices(Backend::cuda).value().found.empty());
  }
  // Only when it is asked for by name.
  std::span<Backend const> const on_host = available_backends();
  CHECK(std::find(on_host.begin(), on_host.end(), Backend::cuda) == on_host.end());
}
