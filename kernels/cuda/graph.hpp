// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/cuda/recorded_memory.hpp"
#include "kernels/device_recording.hpp"

namespace talus::kernels::cuda {

/// A CUDA graph that was captured from a stream, and what its kernels use. Never run on a card.
class Graph final : public DeviceRecording {
 public:
  /// \param stream  that it is launched to; outlives this
  Graph(cudaStream_t stream, GraphExec graph, std::unique_ptr<RecordedMemory> memory)
      : stream_{stream}, memory_{std::move(memory)}, graph_{std::move(graph)} {}

  void replay() override { check(cudaGraphLaunch(graph_.get(), stream_), "cudaGraphLaunch"); }

 private:
  cudaStream_t stream_;
  std::unique_ptr<RecordedMemory> memory_;
  GraphExec graph_;
};

}  // namespace talus::kernels::cuda
