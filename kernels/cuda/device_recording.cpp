// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/graph.hpp"
#include "runtime/base/error.hpp"

// The device's part that records work: captures of its stream.

namespace talus::kernels::cuda {

void Device::begin_recording() {
  refuse_while_recording("begin_recording");
  std::int64_t const scratch_bytes = most_scratch_;
  if (scratch_bytes > 0 && (!recorded_scratch_ || recorded_scratch_->bytes() < scratch_bytes)) {
    recorded_scratch_ = std::make_shared<PoolRange const>(pool_, scratch_bytes);
  }
  auto memory = std::make_unique<RecordedMemory>(pool_, recorded_scratch_);
  // Other threads may go on asking the runtime library for what a capture excludes.
  check(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  recorded_ = std::move(memory);
}

std::unique_ptr<DeviceRecording> Device::end_recording() {
  auto memory = std::move(recorded_);
  cudaGraph_t native = nullptr;
  check(cudaStreamEndCapture(stream_.get(), &native), "cudaStreamEndCapture");
  CapturedGraph const captured{native};
  for (RecordedMemory::Chunk const& chunk : memory->chunks()) {
    upload(chunk.bytes.data(), at(chunk.range->offset()), std::ssize(chunk.bytes));
  }
  cudaGraphExec_t graph = nullptr;
  check(cudaGraphInstantiate(&graph, captured.get(), 0), "cudaGraphInstantiate");
  return std::make_unique<Graph>(stream_.get(), GraphExec{graph}, std::move(memory));
}

void Device::cancel_recording() noexcept {
  cudaGraph_t native = nullptr;
  static_cast<void>(cudaStreamEndCapture(stream_.get(), &native));
  CapturedGraph const captured{native};
  recorded_.reset();
}

void Device::refuse_while_recording(char const* what) const {
  if (recorded_) {
    throw ConfigError{concat("cuda device: ", what, " while work is recorded")};
  }
}

}  // namespace talus::kernels::cuda
