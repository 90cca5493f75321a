// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/default_stream.hpp"

#include "kernels/cuda/check.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

ForbiddenDefaultStream::ForbiddenDefaultStream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamDefault), "cudaStreamCreateWithFlags");
  stream_.reset(stream);
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
}

ForbiddenDefaultStream::~ForbiddenDefaultStream() {
  cudaGraph_t graph = nullptr;
  static_cast<void>(cudaStreamEndCapture(stream_.get(), &graph));
  if (graph != nullptr) {
    static_cast<void>(cudaGraphDestroy(graph));
  }
}

void ForbiddenDefaultStream::check_capture() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_.get(), &status), "cudaStreamIsCapturing");
  if (status != cudaStreamCaptureStatusActive) {
    throw ConfigError{"CUDA's default stream was used (all work is to be on streams of ours)"};
  }
}

}  // namespace talus::kernels::cuda
