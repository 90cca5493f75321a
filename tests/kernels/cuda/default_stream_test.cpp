// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/default_stream.hpp"

#include <cstdlib>

#include "kernels/cuda/check.hpp"

#include "tests/kernels/cuda/card.hpp"
#include "tests/support/catch.hpp"

using namespace talus::kernels::cuda;  // NOLINT: tests only

TEST_CASE("what uses the default stream is refused while that is forbidden, and only then") {
  static_cast<void>(card());
  void* native = nullptr;
  check(cudaMalloc(&native, 64), "cudaMalloc");
  DeviceMemory const memory{native};
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  Stream const own{stream};
  if (std::getenv(forbid_default_stream) == nullptr) {
    CHECK(cudaMemset(native, 0, 64) == cudaSuccess);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
    ForbiddenDefaultStream const forbidden;
    CHECK(cudaMemset(native, 0, 64) == cudaErrorStreamCaptureImplicit);
    static_cast<void>(cudaGetLastError());
  } else {
    check_default_stream();
    CHECK(cudaMemset(native, 0, 64) == cudaErrorStreamCaptureImplicit);
    static_cast<void>(cudaGetLastError());
  }
  CHECK(cudaMemsetAsync(native, 0, 64, own.get()) == cudaSuccess);
  CHECK(cudaStreamSynchronize(own.get()) == cudaSuccess);
}
