// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_library.hpp"

#include "tests/support/catch.hpp"

using namespace talus::kernels;        // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

TEST_CASE("where NCCL isn't, or is another library, it is said which") {
  NcclLibrary const none = open_nccl("no/such/libnccl.so.2");
  CHECK_THAT(none.problem, ContainsSubstring("no/such/libnccl.so.2"));

  NcclLibrary const other = open_nccl("libc.so.6");
  CHECK(other.problem == "NCCL: libc.so.6 has no ncclGetVersion");
}

TEST_CASE("versions are read as NCCL writes them") {
  CHECK(nccl_version_text(2703) == "2.7.3");
  CHECK(nccl_version_text(2804) == "2.8.4");
  CHECK(nccl_version_text(20906) == "2.9.6");
  CHECK(nccl_version_text(22304) == "2.23.4");
}

TEST_CASE("NCCL is used if it is installed, or the reason is told") {
  NcclLibrary const library = open_nccl();
  if (!library.problem.empty()) {
    CHECK_THAT(library.problem, ContainsSubstring("NCCL: "));
    WARN(library.problem);
    return;
  }
  CHECK(library.version >= 2703);
  CHECK(library.functions.receive != nullptr);
  CHECK_FALSE(std::string{library.functions.error_text(4)}.empty());
  WARN("NCCL " << nccl_version_text(library.version));
}
